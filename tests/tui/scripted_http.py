"""The source over HTTP to a server that answers what a test put down for it."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable

import httpx
import msgspec

from appliance.admin import schema
from tests.tui import scenes
from tests.tui.clock import StoppedClock
from tui.http_source import HttpSource
from tui.source import Outage

SNAPSHOT = msgspec.json.encode(scenes.calm())
Answer = httpx.Response | Exception


class Chunks(httpx.AsyncByteStream):
    """A body that comes in pieces and may break."""

    def __init__(self, pieces: Iterable[bytes | Exception]) -> None:
        self._pieces = pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            if isinstance(piece, Exception):
                raise piece
            yield piece


def event(number: int, kind: str = "snapshot") -> bytes:
    body = msgspec.json.encode(scenes.snapshot(sequence=number))
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (number, kind.encode(), body)


def stream(*pieces: bytes | Exception) -> httpx.Response:
    return httpx.Response(200, stream=Chunks(pieces), headers={"Content-Type": "text/event-stream"})


def problem(status: int, detail: str, code: str = "x", **headers: str) -> httpx.Response:
    body = json.dumps({"status": status, "code": code, "detail": detail}).encode()
    return httpx.Response(status, content=body, headers=headers)


class Server:
    """Answers each address with what was put down for it, the last one again and again, and keeps the requests."""

    def __init__(self, **answers: list[Answer | Callable[[], Answer]]) -> None:
        self.answers = answers
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        waiting = self.answers[request.url.path.removeprefix("/api/v1/admin/").split("/")[0].replace("-", "_")]
        answer = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        answer = answer() if callable(answer) else answer
        if isinstance(answer, Exception):
            raise answer
        return answer


def snapshot() -> httpx.Response:
    return httpx.Response(200, content=SNAPSHOT)


def source_of(
    server: Server, clock: StoppedClock | None = None, key: Callable[[], str] = lambda: "secret"
) -> HttpSource:
    return HttpSource(
        "https://box.lan/", key, clock or StoppedClock(), lambda: 0.0, transport=httpx.MockTransport(server)
    )


def news(source: HttpSource, number: int) -> list[schema.Snapshot | Outage]:
    """Return the first news of a source."""

    async def collect() -> list[schema.Snapshot | Outage]:
        seen = []
        following = source.follow()
        while len(seen) < number:
            seen.append(await asyncio.wait_for(anext(following), 10))
        await following.aclose()
        return seen

    return asyncio.run(collect())
