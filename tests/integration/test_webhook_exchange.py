"""One POST under one limit, plain and over TLS, against real sockets."""

import datetime
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from appliance.settings import Settings
from appliance.webhooks.destination import Destination, address_within, allowed_destination
from appliance.webhooks.exchange import Answer, TimeLimit, post

HERE = ipaddress.ip_address("127.0.0.1")
LONG_S = 30.0


class Server:
    """Reads one request's head and answers with bytes; with TLS, as `hooks.example`."""

    def __init__(self, answer: bytes, tls: ssl.SSLContext | None = None) -> None:
        self.head = b""
        self._answer, self._tls = answer, tls
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        self._thread.join()
        self._listening.close()

    def _serve(self) -> None:
        connection, _ = self._listening.accept()
        with connection:
            try:
                stream = self._tls.wrap_socket(connection, server_side=True) if self._tls else connection
                with stream:
                    while b"\r\n\r\n" not in self.head:
                        self.head += stream.recv(4096)
                    stream.sendall(self._answer)
            except OSError:
                pass  # the client did not like the certificate


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for hooks.example, signed by itself, with its key in the same file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hooks.example")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("hooks.example")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "hooks.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return path


@pytest.fixture
def secured(certificate: Path) -> Iterator[Server]:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    server = Server(b"HTTP/1.1 200 OK\r\n\r\n", tls)
    yield server
    server.close()


def _sent(port: int, url: str, tls: ssl.SSLContext | None = None, limit_s: float = LONG_S) -> Answer:
    destination = _destination(url, port)
    return post(
        destination, HERE, {"webhook-id": "msg_1"}, b"{}",
        limit=TimeLimit(limit_s), connect_s=LONG_S, tls=tls or ssl.create_default_context(),
    )  # fmt: skip


def _destination(url: str, port: int) -> Destination:
    return allowed_destination(url.format(port=port), Settings(webhook_allow=f"hooks.example:{port}"))


def _plain(answer: bytes) -> Answer:
    server = Server(answer)
    try:
        return _sent(server.port, "http://hooks.example:{port}/")
    finally:
        server.close()


@pytest.mark.parametrize(
    ("answer", "understood"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", Answer(200)),
        (b"HTTP/1.0 503 Busy\r\nRetry-After: 5\r\n\r\n", Answer(503, "5")),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", Answer(204)),
        (b"HTTP/1.1 410 Gone\r\nContent-Length: 1000000000\r\n\r\nendless", Answer(410)),
    ],
)
def test_the_status_is_read_and_the_body_is_not(answer: bytes, understood: Answer) -> None:
    assert _plain(answer) == understood


@pytest.mark.parametrize(
    "answer", [b"", b"\x00\x01", b"HTTP/1.1 twohundred\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000]
)
def test_what_is_no_answer_is_an_oserror(answer: bytes) -> None:
    with pytest.raises(OSError):
        _plain(answer)


def test_the_request_names_host_and_path_as_the_url_does() -> None:
    server = Server(b"HTTP/1.1 200 OK\r\n\r\n")
    _sent(server.port, "http://hooks.example:{port}?a=b%20c#part")
    server.close()

    head = server.head.decode().lower()
    assert head.startswith("post /?a=b%20c http/1.1\r\n")
    assert f"\r\nhost: hooks.example:{server.port}\r\n" in head
    assert "\r\nwebhook-id: msg_1\r\n" in head
    assert "\r\ncontent-length: 2\r\n" in head


def test_the_certificate_has_to_be_the_names_although_the_connection_goes_to_an_address(
    secured: Server, certificate: Path
) -> None:
    trusting = ssl.create_default_context(cafile=certificate)

    assert _sent(secured.port, "https://hooks.example:{port}/", trusting) == Answer(200)


def test_a_certificate_that_nobody_vouches_for_is_refused(secured: Server) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        _sent(secured.port, "https://hooks.example:{port}/")


def test_a_certificate_of_another_name_is_refused(secured: Server, certificate: Path) -> None:
    trusting = ssl.create_default_context(cafile=certificate)
    destination = Destination(
        url=f"https://other.example:{secured.port}/", scheme="https", host="other.example", port=secured.port
    )

    with pytest.raises(ssl.SSLCertVerificationError):
        post(destination, HERE, {}, b"{}", limit=TimeLimit(LONG_S), connect_s=LONG_S, tls=trusting)


def test_a_handshake_that_never_ends_is_under_the_limit_too() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(TimeoutError):
        _sent(silent.getsockname()[1], "https://hooks.example:{port}/", limit_s=0.2)


def test_a_name_service_that_hangs_is_under_the_limit_too(monkeypatch) -> None:
    answered = threading.Event()

    def look_up(*_, **__) -> None:
        answered.wait(LONG_S)
        raise socket.gaierror

    monkeypatch.setattr("socket.getaddrinfo", look_up)

    with pytest.raises(TimeoutError):
        address_within(_destination("http://hooks.example:{port}/", 9000), Settings(), 0.05)
    answered.set()


def test_a_limit_that_is_over_says_so() -> None:
    with pytest.raises(TimeoutError):
        TimeLimit(0.0).left_s()
