"""Tells the node exporter when certificates end: `certificate_ends.py FILE NAME=PLACE...`.

PLACE is a file, or `tls:HOST:PORT` and `postgres:HOST:PORT` for what a server shows to whoever connects: a certificate
that was exchanged by hand counts from when it is served. Of what cannot be read stands what FILE said before, and the
time at which all were read stands still: an alert that fires goes on. Standard error tells why. Standard library and
openssl alone.
"""

import re
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path

PATIENCE_S = 10.0
ASKS_FOR_TLS = b"\0\0\0\x08\x04\xd2\x16\x2f"
"""PostgreSQL's SSLRequest; https://www.postgresql.org/docs/15/protocol-message-formats.html."""
ENDS = re.compile(r'^(meeshy_certificate_end_timestamp_seconds\{certificate="(.+)"\} \d+\n)', re.MULTILINE)
READ = re.compile(r"^meeshy_certificates_read_timestamp_seconds (\d+)$", re.MULTILINE)
TEXT = """\
# HELP meeshy_certificate_end_timestamp_seconds When a certificate of this machine ends.
# TYPE meeshy_certificate_end_timestamp_seconds gauge
{ends}\
# HELP meeshy_certificates_read_timestamp_seconds When all of this machine's certificates were last read.
# TYPE meeshy_certificates_read_timestamp_seconds gauge
meeshy_certificates_read_timestamp_seconds {read_s}
"""


def end_s(pem: str) -> int:
    """Return when the first certificate of a PEM text ends, in seconds since 1970; ValueError where there is none."""
    command = ["openssl", "x509", "-noout", "-enddate"]
    told = subprocess.run(command, input=pem, check=False, capture_output=True, text=True)
    if told.returncode != 0:
        raise ValueError(told.stderr.strip())
    return ssl.cert_time_to_seconds(told.stdout.strip().removeprefix("notAfter="))


def read(place: str) -> str:
    """Return the certificate at a place as PEM; OSError or ValueError where there is none."""
    kind, _, address = place.partition(":")
    if kind not in ("tls", "postgres"):
        return Path(place).read_text()
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE_S) as connection:
        if kind == "postgres":
            connection.sendall(ASKS_FOR_TLS)
            if connection.recv(1) != b"S":
                raise ValueError("the server has no TLS")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # an ended one is to be read, too
        with context.wrap_socket(connection) as speaking:
            return ssl.DER_cert_to_PEM_cert(speaking.getpeercert(binary_form=True) or b"")


def told(places: dict[str, str], now_s: float, former: str = "") -> str:
    """Return the metrics of these places, by name, in Prometheus's text format; `former` is what was told before."""
    lines = []
    stood, read_s = {name: line for line, name in ENDS.findall(former)}, int(now_s)
    for name, place in places.items():
        try:
            lines.append(f'meeshy_certificate_end_timestamp_seconds{{certificate="{name}"}} {end_s(read(place))}\n')
        except (OSError, ValueError) as failure:
            sys.stderr.write(f"{name} at {place} cannot be read: {failure}\n")
            lines.append(stood.get(name, ""))
            before = READ.search(former)
            read_s = int(before.group(1)) if before else read_s
    return TEXT.format(ends="".join(lines), read_s=read_s)


def main(file: str, *places: str) -> None:
    """Write the file in one step."""
    aside, former = Path(f"{file}.coming"), Path(file).read_text() if Path(file).exists() else ""
    aside.write_text(told(dict(place.split("=", 1) for place in places), time.time(), former))
    aside.replace(file)


if __name__ == "__main__":
    main(*sys.argv[1:])
