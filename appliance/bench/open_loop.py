"""An open loop over HTTP: requests leave at their times, whatever became of those before, as independent callers' do.

A request's latency counts from the moment at which it should have left. So a server that stands still for a second is
charged for every request that fell due in that second, and a client that cannot keep up charges itself.

Written on sockets' own protocol, because a client library would take more processor time than the server that is
measured beside it: what is sent is made once, and of an answer only its length and status are looked at.
"""

import asyncio
import random
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import urlsplit

from appliance.errors import CommandFailed

ANSWER_S = 30.0
_END = b"\r\n\r\n"
_LENGTH = b"content-length:"


class Answered(NamedTuple):
    """One request: when it was due and when its answer had come, both in seconds since the loop began."""

    due_s: float
    done_s: float
    status: int
    body: bytes


@dataclass
class Load:
    """What came of a loop."""

    answers: list[Answered] = field(default_factory=list)
    connections: int = 0

    def latencies_ms(self) -> list[float]:
        """Return how long each answer took from when its request was due, in ascending order."""
        return sorted(1000 * (answer.done_s - answer.due_s) for answer in self.answers)

    def rate_per_s(self) -> float:
        """Return how many answers a second came, from the first due time to the last answer."""
        first_s = min(answer.due_s for answer in self.answers)
        return len(self.answers) / (max(answer.done_s for answer in self.answers) - first_s)


def quantile(ordered: list[float], share: float) -> float:
    """Return the value that this share of ascending values does not exceed (nearest rank)."""
    return ordered[max(0, -(-round(share * 1e6) * len(ordered) // 1_000_000) - 1)]


def arrivals_s(per_s: float, for_s: float, seed: int) -> Iterator[float]:
    """Yield times at which independent callers arrive: exponential pauses, so that some come together."""
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    at_s = chance.expovariate(per_s)
    while at_s < for_s:
        yield at_s
        at_s += chance.expovariate(per_s)


def sent_at(url: str, request: bytes, due_s: Iterator[float]) -> Load:
    """Send one request at each of these times and return what came of all; CommandFailed where a connection breaks."""
    parts = urlsplit(url)
    return asyncio.run(_run(parts.hostname or "", parts.port or 80, request, due_s))


async def _run(host: str, port: int, request: bytes, due_s: Iterator[float]) -> Load:
    load, idle = Load(), deque["_Connection"]()
    loop, start_s = asyncio.get_running_loop(), time.monotonic()
    pending: set[asyncio.Task[None]] = set()

    async def one(at_s: float) -> None:
        connection = idle.pop() if idle else None
        if connection is None:
            load.connections += 1
            _, connection = await loop.create_connection(_Connection, host, port)
        status, body = await asyncio.wait_for(connection.ask(request), ANSWER_S)
        load.answers.append(Answered(at_s, time.monotonic() - start_s, status, body))
        idle.append(connection)

    for at_s in due_s:
        await asyncio.sleep(max(0.0, start_s + at_s - time.monotonic()))
        task = loop.create_task(one(at_s))
        pending.add(task)
        task.add_done_callback(pending.discard)
    try:
        await asyncio.gather(*pending)
    except (OSError, TimeoutError) as broken:
        raise CommandFailed(f"The appliance did not answer: {type(broken).__name__}.") from broken
    finally:
        for connection in idle:
            connection.close()
    return load


class _Connection(asyncio.Protocol):
    """One keep-alive connection, with at most one request under way."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._got = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error or ConnectionResetError())

    def ask(self, request: bytes) -> "asyncio.Future[tuple[int, bytes]]":
        """Send the request and return its answer to come."""
        assert self._transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._answer

    def data_received(self, data: bytes) -> None:
        self._got += data
        head_bytes = self._got.find(_END)
        if head_bytes < 0:
            return
        head = bytes(self._got[:head_bytes]).lower()
        length_at = head.find(_LENGTH)
        body_bytes = int(head[length_at + len(_LENGTH) :].split(b"\r\n", 1)[0]) if length_at >= 0 else 0
        whole_bytes = head_bytes + len(_END) + body_bytes
        if len(self._got) < whole_bytes:
            return
        body = bytes(self._got[head_bytes + len(_END) : whole_bytes])
        del self._got[:whole_bytes]
        if self._answer is not None and not self._answer.done():
            self._answer.set_result((int(head[9:12]), body))

    def close(self) -> None:
        """Close it."""
        if self._transport is not None:
            self._transport.close()
