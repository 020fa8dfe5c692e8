"""When certificates end is read from what servers show and from files, and what cannot be read is left out."""

import datetime
import re
import socket
import ssl
import threading
from contextlib import closing

import pytest
from cryptography import x509

from tests.ansible_code import load
from tests.services import tool

ENDS = re.compile(r'^meeshy_certificate_end_timestamp_seconds\{certificate="(\w+)"\} (\d+)$', re.MULTILINE)
ASKS_FOR_TLS = bytes.fromhex("0000000804d2162f")


@pytest.fixture(scope="module")
def certificate_ends():
    tool("openssl", "Debian: openssl")
    return load("roles/monitoring/files/certificate_ends.py")


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """What signs certificates in a folder, and the folder."""
    folder = tmp_path_factory.mktemp("authority")
    return load("plugins/module_utils/site_authority.py").ensure_certificate, folder


def signed(authority, name: str, made_days_ago: int = 0) -> int:
    """Make a certificate for 100 days and return when it ends, in seconds since 1970."""
    ensure_certificate, folder = authority
    made = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=made_days_ago)
    ensure_certificate(str(folder), name, ["localhost"], 100, made)
    return int(x509.load_pem_x509_certificate((folder / f"{name}.pem").read_bytes()).not_valid_after_utc.timestamp())


@pytest.fixture
def server(authority):
    """A server with the certificate `shown`, which answers PostgreSQL's question first where it comes."""
    _, folder = authority
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    signed(authority, "shown")
    context.load_cert_chain(folder / "shown.pem", folder / "shown.key")
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        connection, _ = listener.accept()
        with connection:
            if connection.recv(8, socket.MSG_PEEK) == ASKS_FOR_TLS:
                connection.recv(8)
                connection.sendall(b"S")
            context.wrap_socket(connection, server_side=True).close()

    thread = threading.Thread(target=serve)
    thread.start()
    with closing(listener):
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        thread.join(30)


@pytest.mark.parametrize("kind", ["tls", "postgres"])
def test_what_a_server_shows_counts_and_not_what_lies_on_the_disk(certificate_ends, authority, server, tmp_path, kind):
    _, folder = authority
    shown_s = signed(authority, "shown")
    ended_s = signed(authority, "ended", 200)

    certificate_ends.main(
        str(tmp_path / "ends.prom"), f"edge={kind}:{server}", f"monitoring={folder / 'ended.pem'}",
        f"authority={folder / 'ca.pem'}",
    )  # fmt: skip

    found = {name: int(end_s) for name, end_s in ENDS.findall((tmp_path / "ends.prom").read_text())}
    assert found == found | {"edge": shown_s, "monitoring": ended_s}
    assert found["authority"] > shown_s
    assert [path.name for path in tmp_path.iterdir()] == ["ends.prom"]


def test_of_what_cannot_be_read_stands_what_was_told_before(certificate_ends, authority, tmp_path, capsys):
    _, folder = authority
    shown_s = signed(authority, "shown")
    (tmp_path / "none.pem").write_text("no certificate")
    unreadable = {"edge": "tls:127.0.0.1:9", "database": f"{tmp_path}/missing.pem", "broker": f"{tmp_path}/none.pem"}

    first = certificate_ends.told({**unreadable, "monitoring": str(folder / "shown.pem")}, 7.9)
    assert ENDS.findall(first) == [("monitoring", str(shown_s))]
    assert first.endswith("\nmeeshy_certificates_read_timestamp_seconds 7\n")
    assert re.findall(r"^(\w+) at ", capsys.readouterr().err, re.MULTILINE) == ["edge", "database", "broker"]

    whole = certificate_ends.told({"monitoring": str(folder / "shown.pem")}, 8.2, first)
    assert whole.endswith("\nmeeshy_certificates_read_timestamp_seconds 8\n")

    later = certificate_ends.told({"monitoring": f"{tmp_path}/missing.pem"}, 9.5, whole)
    assert later == whole
