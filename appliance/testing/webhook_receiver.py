"""A receiver of webhooks that misbehaves as told, on a free loopback port; it keeps what it gets and judges nothing."""

import random
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Any, Literal

from appliance.testing.loopback_server import LoopbackServer

Behaviour = Literal["accept", "error", "busy", "gone", "redirect", "hang", "drip", "reset", "garbage", "hold"]
"""`accept` 204, `error` 500, `busy` 429 with Retry-After, `gone` 410, `redirect` 302 to a place of the receiver's own
that counts its visitors, `hang` no answer at all, `drip` a header byte now and then for ever, `reset` ends the
connection hard, `garbage` answers what is not HTTP, `hold` accepts once it is released."""
FAULTS: tuple[Behaviour, ...] = (
    *("error", "busy", "redirect", "reset") * 2,
    *("garbage", "hang", "drip"),
)
"""What a misbehaving receiver does before it accepts; those that cost a sender time are rarer."""
ELSEWHERE = "/elsewhere"
_STEP_S = 0.02


def accepting(_path: str, _nth: int) -> Behaviour:
    """Accept everything."""
    return "accept"


def misbehaving(seed: int, most_faults: int = 3) -> Callable[[str, int], Behaviour]:
    """Return a behaviour that gives the message at each path up to so many faults of its own, then accepts it."""

    def behave(path: str, nth: int) -> Behaviour:
        chance = random.Random(f"{seed} {path}")  # noqa: S311 repeatable, not secret
        faults = chance.choices(FAULTS, k=chance.randint(0, most_faults))
        return faults[nth] if nth < len(faults) else "accept"

    return behave


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it came in, and what was done with it."""

    message_id: str
    path: str
    headers: dict[str, str]
    body: bytes
    behaviour: Behaviour


class HostileReceiver(LoopbackServer):
    """Runs the receiver while its `with` block lasts.

    `behave` gives what to do from the path and how often this message came before.
    """

    def __init__(self, behave: Callable[[str, int], Behaviour] = accepting, retry_after: str = "120") -> None:
        """Behave so; `retry_after` is what `busy` asks for."""
        super().__init__(type("Handler", (_Handler,), {"receiver": self}))
        self.behave = behave
        self.retry_after = retry_after
        self.received: list[Received] = []
        self.drip = b"a"
        """What `drip` sends each time."""
        self.visitors_elsewhere = 0
        self.most_at_once: Counter[str] = Counter()
        """Per message, the most attempts that were open side by side."""
        self.released = threading.Event()
        self._open: Counter[str] = Counter()
        self._came: Counter[str] = Counter()
        self._changed = threading.Condition()

    def __exit__(self, *_: object) -> None:
        """Stop, letting go of connections that are held."""
        self.released.set()
        super().__exit__()

    def url(self, path: str = "/hook") -> str:
        """Return the address of a path of the receiver's."""
        return f"http://127.0.0.1:{self.port}{path}"

    def accepted(self) -> Counter[str]:
        """Return how often each message was accepted."""
        with self._changed:
            return Counter(got.message_id for got in self.received if got.behaviour in ("accept", "hold"))

    def wait_for(self, requests: int, limit_s: float = 30.0) -> bool:
        """Wait until so many requests came in, at most so long; return whether they did."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self.received) >= requests, limit_s)

    def came(self, path: str, headers: dict[str, str], body: bytes) -> Behaviour:
        """Note a request and return what to do with it; it is open until `went`."""
        message_id = headers.get("webhook-id", "")
        with self._changed:
            behaviour = self.behave(path, self._came[message_id])
            self._came[message_id] += 1
            self.received.append(Received(message_id, path, headers, body, behaviour))
            self._open[message_id] += 1
            self.most_at_once[message_id] = max(self.most_at_once[message_id], self._open[message_id])
            self._changed.notify_all()
        return behaviour

    def went(self, message_id: str) -> None:
        """Note that a request is open no more."""
        with self._changed:
            self._open[message_id] -= 1

    def visited(self) -> None:
        """Note that somebody followed a redirect."""
        with self._changed:
            self.visitors_elsewhere += 1


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    receiver: HostileReceiver

    def do_POST(self) -> None:
        """Take a message."""
        if self.path == ELSEWHERE:
            self._visit()
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        behaviour = self.receiver.came(self.path, headers, body)
        self.close_connection = True
        try:
            self._behave(behaviour)
        except OSError:
            return  # the sender had enough
        finally:
            self.receiver.went(headers.get("webhook-id", ""))

    def do_GET(self) -> None:
        """Count who follows a 302 as browsers do."""
        self._visit()

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet."""

    def _behave(self, behaviour: Behaviour) -> None:
        if behaviour == "hang":
            self._wait_for_the_end()
        elif behaviour == "drip":
            self._drip()
        elif behaviour == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        elif behaviour == "garbage":
            self.wfile.write(b"\x16\x03\x01 this is not HTTP\r\n\r\n")
        else:
            if behaviour == "hold":
                self.receiver.released.wait()
            self._answer(behaviour)

    def _answer(self, behaviour: Behaviour) -> None:
        statuses = {"accept": 204, "hold": 204, "error": 500, "busy": 429, "gone": 410, "redirect": 302}
        self.send_response(statuses[behaviour])
        if behaviour == "busy":
            self.send_header("Retry-After", self.receiver.retry_after)
        if behaviour == "redirect":
            self.send_header("Location", self.receiver.url(ELSEWHERE))
        self.send_header("Content-Length", "0")
        self.send_header("Connection", "close")
        self.end_headers()

    def _drip(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while not self.receiver.stopping.wait(_STEP_S):
            self.wfile.write(self.receiver.drip)

    def _wait_for_the_end(self) -> None:
        self.connection.settimeout(_STEP_S)
        while not self.receiver.stopping.is_set():
            try:
                if self.connection.recv(1) == b"":
                    return
            except TimeoutError:
                continue

    def _visit(self) -> None:
        self.receiver.visited()
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.send_header("Connection", "close")
        self.end_headers()
