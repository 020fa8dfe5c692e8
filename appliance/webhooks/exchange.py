"""One POST, from connecting to the status line, under one limit of time that nothing on the other side can stretch.

HTTP clients limit each read and each write, so a receiver that sends a byte a second holds a connection for ever. Here
every operation gets what is left of the whole.
"""

import socket
import ssl
import time
from collections.abc import Mapping

import h11
import msgspec

from appliance.webhooks.destination import Address, Destination

_HEADERS_MAX_BYTES = 64 * 1024
_READ_BYTES = 4096


class Answer(msgspec.Struct, frozen=True):
    """What a receiver said; its body is never read."""

    status: int
    retry_after: str | None = None


class TimeLimit:
    """So many seconds of real time from now on; sockets know no other."""

    def __init__(self, limit_s: float) -> None:
        """Start the time."""
        self._until_s = time.monotonic() + limit_s

    def left_s(self) -> float:
        """Return the seconds that are left; TimeoutError when none are."""
        left_s = self._until_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("the attempt's time is over")
        return left_s


def post(
    destination: Destination,
    address: Address,
    headers: Mapping[str, str],
    body: bytes,
    *,
    limit: TimeLimit,
    connect_s: float,
    tls: ssl.SSLContext,
) -> Answer:
    """Send the body to the destination's path at this address and return the answer; redirects are not followed.

    The certificate has to be the name's, although the connection goes to the checked address. Raises TimeoutError when
    the time is over and OSError for everything else that keeps an answer away, answers that are not HTTP among it.
    """
    connected = socket.create_connection((str(address), destination.port), timeout=min(connect_s, limit.left_s()))
    with connected as plain:
        plain.settimeout(limit.left_s())
        secured = destination.scheme == "https"
        with tls.wrap_socket(plain, server_hostname=destination.host) if secured else plain as stream:
            try:
                return _exchanged(stream, destination, headers, body, limit)
            except h11.ProtocolError as strange:
                raise ConnectionError("the answer is not HTTP") from strange


def _exchanged(
    stream: socket.socket, destination: Destination, headers: Mapping[str, str], body: bytes, limit: TimeLimit
) -> Answer:
    http = h11.Connection(h11.CLIENT, max_incomplete_event_size=_HEADERS_MAX_BYTES)
    _send(stream, _request(http, destination, headers, body), limit)
    while True:
        event = http.next_event()
        if event is h11.NEED_DATA:
            stream.settimeout(limit.left_s())
            http.receive_data(stream.recv(_READ_BYTES))
        elif isinstance(event, h11.Response):
            asked = next((value for name, value in event.headers if name == b"retry-after"), None)
            return Answer(event.status_code, asked.decode("latin-1") if asked is not None else None)
        elif not isinstance(event, h11.InformationalResponse):
            raise ConnectionError("the connection was closed without an answer")


def _request(http: h11.Connection, destination: Destination, headers: Mapping[str, str], body: bytes) -> bytes:
    own = {
        "host": destination.authority,
        "user-agent": "meeshy",
        "content-type": "application/json",
        "content-length": str(len(body)),
        "connection": "close",
    }
    request = h11.Request(method="POST", target=destination.target, headers=list({**own, **headers}.items()))
    parts = (http.send(request), http.send(h11.Data(data=body)), http.send(h11.EndOfMessage()))
    return b"".join(part or b"" for part in parts)


def _send(stream: socket.socket, request: bytes, limit: TimeLimit) -> None:
    waiting = memoryview(request)
    while waiting:
        stream.settimeout(limit.left_s())
        waiting = waiting[stream.send(waiting) :]
