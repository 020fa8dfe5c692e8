"""What a client may make the server keep before anybody looks at its key."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.api.protocol import BESIDE_BODY_MAX_BYTES
from appliance.audio.decoder import DecoderPool
from tests.integration.api_house import House, open_house
from tests.integration.api_serving import serving

WAIT_S = 30
PIECE = 4096
READ_AT_ONCE_BYTES = 256 * 1024
_LAST = b"GET /health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
_CHUNKED = b"POST /health/live HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with DecoderPool() as decoder, open_house(tmp_path, decoder) as house:
        yield house


def _said(port: int, parts: Iterator[bytes]) -> bytes:
    """Send the parts for as long as the server takes them, and return what it says until it closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=WAIT_S) as client:
        try:
            for part in parts:
                client.sendall(part)
        except OSError:
            pass
        said = b""
        try:
            while piece := client.recv(65536):
                said += piece
        except ConnectionResetError:
            pass
        return said


def _without_end(first: bytes, piece: bytes, sent: list[int]) -> Iterator[bytes]:
    yield first
    # Far more than a server that keeps all of it would show in a test, and far less than would harm the machine.
    while sum(sent) < 400 * BESIDE_BODY_MAX_BYTES:
        sent.append(len(piece))
        yield piece


@pytest.mark.parametrize(
    ("first", "piece"),
    [
        (b"GET /" + b"a" * PIECE, b"a" * PIECE),
        (b"GET /health/live HTTP/1.1\r\nHost: a\r\nX-A: ", b"a" * PIECE),
        (b"GET /health/live HTTP/1.1\r\nHost: a\r\n", b"X-A: b\r\n" * 512),
        (_CHUNKED + b"0\r\n", b"X-A: b\r\n" * 512),
        (_CHUNKED + b"1;", b"a" * PIECE),
        (_CHUNKED + b"1\r\na\r\n" * 200_000 + b"0\r\n", b"X-A: b\r\n" * 512),
    ],
    ids=["address", "one header", "many headers", "trailers", "chunk extension", "trailers after small chunks"],
)
def test_a_head_without_end_is_cut_off(house: House, first: bytes, piece: bytes) -> None:
    sent: list[int] = []
    with serving(house) as port:
        _said(port, _without_end(first, piece, sent))
        afterwards = _said(port, iter([_LAST]))

    assert sent
    assert sum(sent) < 400 * BESIDE_BODY_MAX_BYTES
    assert afterwards.startswith(b"HTTP/1.1 200 ")


def test_a_head_that_is_too_long_is_told_so(house: House) -> None:
    head = b"GET /health/live HTTP/1.1\r\nHost: a\r\nX-A: " + b"a" * (BESIDE_BODY_MAX_BYTES + READ_AT_ONCE_BYTES)
    with serving(house) as port:
        said = _said(port, iter([head]))

    assert said.startswith(b"HTTP/1.1 400 ")


def test_a_long_body_may_come_in_many_small_chunks(house: House) -> None:
    head = f"POST /api/v1/voice/translate HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {house.key.key}\r\n"
    head += "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    chunks = b"3c\r\n" + b"a" * 60 + b"\r\n"
    parts = iter([head.encode(), *[chunks * 100] * 200, b"0\r\n\r\n"])
    with serving(house) as port:
        said = _said(port, parts)

    # Read whole, and found to be no JSON.
    assert b" 400 " in said.split(b"\r\n", 1)[0]
    assert b'"code":"invalid_request"' in said


def test_two_requests_that_come_at_once_are_both_answered(house: House) -> None:
    one = b"GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n"
    with serving(house) as port:
        said = _said(port, iter([one * 3 + _LAST]))

    assert said.count(b"HTTP/1.1 200 ") == 4
