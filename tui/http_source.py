"""A live appliance over HTTP: the only file of the console that speaks it; what refusals mean is in `answers.py`."""

import asyncio
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing, suppress
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

import httpx
import msgspec

from appliance.admin import schema
from tui.actions import Action, ActionKind
from tui.answers import Busy, Missing, failure_of
from tui.backoff import BackOff
from tui.clock import Clock
from tui.source import LaneQuery, Outage, Refused, SourceError, Unanswered
from tui.sse import LONGEST_EVENT_BYTES, EventReader, EventTooLong
from tui.wire import OtherVersion, Unreadable, decoded

PREFIX = "/api/v1/admin"
ANSWER_S = 10.0
BULK_S = 120.0
"""Many dead letters are accepted one after another, each in a transaction of its own, before the answer comes."""
SILENCE_S = 20.0
"""A stream has a comment every 15 s; one that is silent for longer is dead."""
LONGEST_REFUSAL_BYTES = 2**16
LARGEST_PORT, LONGEST_PART = 2**16 - 1, 63
"""Of an address: its port, and a part of its host's name."""
OPERATORS = "console."
"""How the names of operators' actions begin in the audit."""
UNREADABLE = "The appliance's answer is not one that this console can read."
UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol, httpx.InvalidURL)
"""What fails before a request has left this machine."""
T = TypeVar("T")

_ACTIONS: dict[ActionKind, tuple[str, type[msgspec.Struct]]] = {
    "pause": ("/lanes/{}/pause", schema.PauseRequest),
    "resume": ("/lanes/{}/resume", schema.ResumeRequest),
    "cancel": ("/jobs/{}/cancel", schema.CancelRequest),
    "retry": ("/dead-letters/{}/retry", schema.RetryRequest),
    "retry_many": ("/dead-letters/retry", schema.RetryManyRequest),
    "drain": ("/workers/{}/drain", schema.DrainRequest),
    "undrain": ("/workers/{}/undrain", schema.UndrainRequest),
}
"""Address and body of each action; the state that it expects to find is the body's default."""


class Unusable(Exception):
    """Nothing can be asked with what the command line says; the text says why, for a person."""


class HttpSource:
    """Implements Source over the admin addresses of one appliance."""

    read_only = False
    plays = False

    def __init__(
        self,
        address: str,
        key: Callable[[], str],
        clock: Clock,
        random: Callable[[], float],
        *,
        authority: Path | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Take the address, what reads the key (anew for each request: a replaced one is found), and a private CA.

        Proxies named in the environment are not used: the key would pass them. Unusable where nothing can be asked with
        this address or this CA.
        """
        _require_address(address)
        self.name = address
        self._key = key
        self._clock = clock
        self._backoff = BackOff(random)
        self._hurry = asyncio.Event()
        self._client = httpx.AsyncClient(
            base_url=address.rstrip("/") + PREFIX,
            timeout=ANSWER_S,
            verify=_trusting(authority) if authority else True,
            trust_env=False,
            transport=transport,
        )

    async def follow(self) -> AsyncIterator[schema.Snapshot | Outage]:
        """Yield a whole snapshot first, then one with every event of the stream, and every outage between."""
        while True:
            self._hurry.clear()
            streamed = False
            try:
                yield await self._get("/snapshot", schema.Snapshot)
                async with aclosing(self._stream()) as stream:
                    async for snapshot in stream:
                        if not streamed:
                            # Not with the answer before it: where only streams fail, waits have to grow as well.
                            self._backoff.reset()
                        streamed = True
                        yield snapshot
                if streamed:
                    # Streams end in good order once an hour: that is no outage, and no reason to hurry.
                    await self._pause(self._backoff.next_s())
                    continue
                outage = Outage("offline", "The appliance ended the stream.", self._backoff.next_s())
            except (OtherVersion, Missing) as failure:
                outage = Outage("incompatible", _other_version(failure), self._backoff.next_s())
            except Refused as failure:
                outage = Outage("refused", str(failure))
            except (Busy, Unanswered) as failure:
                outage = Outage("offline", str(failure), max(failure.retry_after_s, self._backoff.next_s()))
            except SourceError as failure:
                outage = Outage("offline", str(failure), self._backoff.next_s())
            yield outage
            await self._pause(outage.retry_in_s)

    def hurry(self) -> None:
        """Ask at once instead of waiting for the next picture, or for the next try."""
        self._hurry.set()

    async def me(self) -> schema.Me:
        """Return who this console is to the appliance."""
        return await self._get("/me", schema.Me)

    async def jobs(self, query: LaneQuery) -> schema.JobsPage:
        """Return one page of a lane's items."""
        # How many there are stands in the picture; to count them here as well is most of what a page costs.
        asked = {"cursor": query.cursor, "total": "false"}
        return await self._get(f"/lanes/{_part(query.lane)}/jobs", schema.JobsPage, asked)

    async def dead_letters(self, query: LaneQuery) -> schema.DeadLettersPage:
        """Return one page of a lane's dead letters."""
        asked = {"stage": query.stage, "priority": str(query.priority), "cursor": query.cursor}
        return await self._get("/dead-letters", schema.DeadLettersPage, asked)

    async def job(self, job_id: str) -> schema.JobDetail:
        """Return one job, without any text of it."""
        return await self._get(f"/jobs/{_part(job_id)}", schema.JobDetail)

    async def history(self, window_s: float, series: tuple[str, ...] = ()) -> schema.History:
        """Return series, all or those named, over a window that ends now."""
        return await self._get(
            "/history", schema.History, {"window_s": str(window_s), "series": ",".join(series) or None}
        )

    async def quality(self, window_s: float) -> schema.Quality:
        """Return what receipts and caches say of a window that ends now, beside the window before."""
        return await self._get("/quality", schema.Quality, {"window_s": str(window_s)})

    async def audit(self) -> schema.AuditPage:
        """Return what operators did, newest first; what applications did would drown it on a busy site."""
        return await self._get("/audit", schema.AuditPage, {"action": OPERATORS})

    async def act(self, action: Action) -> schema.ActionAnswer:
        """Have an action done, with one request that carries the key of its dialog.

        Unanswered where nothing came back, or nothing that says what became of it.
        """
        path, kind = _ACTIONS[action.kind]
        document = {"reason": action.reason}
        if action.kind == "retry_many":
            stage, priority = action.target
            document |= {"stage": stage, "priority": int(priority), "expected_count": action.expected_count}
        request = self._request(
            "POST",
            path.format(*map(_part, action.target)),
            content=msgspec.json.encode(msgspec.convert(document, kind)),
            headers={"Content-Type": "application/json", "Idempotency-Key": action.idempotency_key},
            timeout=httpx.Timeout(ANSWER_S, read=BULK_S if action.kind == "retry_many" else ANSWER_S),
        )
        body = await self._body(request)
        try:
            return decoded(body, schema.ActionAnswer)
        except Unreadable as failure:
            raise Unanswered(UNREADABLE) from failure

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _pause(self, wait_s: float | None) -> None:
        waits = [asyncio.ensure_future(self._hurry.wait())]
        if wait_s is not None:
            waits.append(asyncio.ensure_future(self._clock.sleep_s(wait_s)))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()

    async def _stream(self) -> AsyncGenerator[schema.Snapshot]:
        reader = EventReader()
        request = self._request("GET", "/events", timeout=httpx.Timeout(ANSWER_S, read=SILENCE_S))
        async with aclosing(self._or_hurry(self._chunks(request))) as coming:
            async for chunk in coming:
                if chunk is None:
                    yield await self._get("/snapshot", schema.Snapshot)
                    continue
                try:
                    for event in reader.feed(chunk):
                        if event.kind == "snapshot":
                            yield _readable(event.data.encode(), schema.Snapshot)
                except EventTooLong as failure:
                    raise SourceError("The appliance sent an event beyond all bounds.") from failure

    async def _or_hurry(self, chunks: AsyncGenerator[bytes]) -> AsyncGenerator[bytes | None]:
        """Yield what comes, and None whenever somebody cannot wait for it."""
        coming: asyncio.Task[bytes | None] | None = None
        try:
            while True:
                coming = coming or asyncio.ensure_future(_following(chunks))
                hurry = asyncio.ensure_future(self._hurry.wait())
                try:
                    await asyncio.wait((coming, hurry), return_when=asyncio.FIRST_COMPLETED)
                finally:
                    hurry.cancel()
                if coming.done():
                    chunk, coming = coming.result(), None
                    if chunk is None:
                        return
                    yield chunk
                if self._hurry.is_set():
                    self._hurry.clear()
                    yield None
        finally:
            if coming is not None:
                coming.cancel()
                with suppress(asyncio.CancelledError, SourceError):
                    await coming
            await chunks.aclose()

    async def _get(self, path: str, kind: type[T], query: Mapping[str, str | None] | None = None) -> T:
        asked = {name: value for name, value in (query or {}).items() if value is not None}
        return _readable(await self._body(self._request("GET", path, params=asked)), kind)

    def _request(self, method: str, path: str, **parts: object) -> httpx.Request:
        try:
            key = self._key()
        except (OSError, UnicodeError) as failure:
            raise Refused(
                f"The key's file cannot be read ({type(failure).__name__}). Mend it, then press r."
            ) from failure
        if not (key and key.isascii() and key.isprintable()):
            raise Refused("The key's file holds something that is no key. Mend it, then press r.")
        headers = {"Authorization": f"Bearer {key}", **parts.pop("headers", {})}
        return self._client.build_request(method, path, headers=headers, **parts)

    async def _body(self, request: httpx.Request) -> bytes:
        body = b""
        async for chunk in self._chunks(request):
            body += chunk
            if len(body) > LONGEST_EVENT_BYTES:
                raise SourceError("The appliance sent an answer beyond all bounds.")
        return body

    async def _chunks(self, request: httpx.Request) -> AsyncGenerator[bytes]:
        """Yield the body of a success as it comes; a SourceError says what else there was."""
        try:
            response = await self._client.send(request, stream=True)
            try:
                if not response.is_success:
                    body = await _beginning(response)
                    raise failure_of(response.status_code, body, response.headers.get("Retry-After"))
                async for chunk in response.aiter_bytes():
                    yield chunk
            finally:
                await response.aclose()
        except (httpx.RequestError, httpx.InvalidURL) as failure:
            kind = SourceError if isinstance(failure, UNSENT) else Unanswered
            raise kind(_sentence(failure)) from failure


def _require_address(address: str) -> None:
    try:
        url = httpx.URL(address)
    except httpx.InvalidURL as failure:
        raise Unusable(f"{address} is no address: {failure}.") from failure
    if url.scheme not in ("http", "https") or not url.host:
        raise Unusable(f"{address} is no address of an appliance: it has to begin with https:// or http://.")
    # httpx writes what no host can have as `%5B`, and asks for any port; a look-up of a part too long is no OSError.
    part_wrong = any(not 0 < len(part) <= LONGEST_PART for part in url.host.removesuffix(".").split("."))
    if "%" in url.host or part_wrong or (url.port or 1) > LARGEST_PORT:
        raise Unusable(f"{address} is no address: no host or no port.")


def _trusting(authority: Path) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=authority)
    except (ssl.SSLError, OSError) as failure:
        raise Unusable(f"{authority} holds no certificates to trust (PEM).") from failure


async def _following(chunks: AsyncGenerator[bytes]) -> bytes | None:
    """Return what comes next, None at the end."""
    return await anext(chunks, None)


async def _beginning(response: httpx.Response) -> bytes:
    """Return a refusal as far as a person could read it."""
    body = b""
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > LONGEST_REFUSAL_BYTES:
            break
    return body


def _part(name: str) -> str:
    """Return a name as one part of an address."""
    return quote(name, safe="")


def _readable(body: bytes, kind: type[T]) -> T:
    try:
        return decoded(body, kind)
    except Unreadable as failure:
        raise SourceError(UNREADABLE) from failure


def _other_version(failure: Exception) -> str:
    if isinstance(failure, Missing):
        return "There is nothing for consoles at this address: another server, or an older appliance."
    return str(failure)


def _sentence(failure: Exception) -> str:
    """Return why nothing came, without the key or anything else of the request."""
    if isinstance(failure, httpx.TimeoutException):
        return "The appliance does not answer in time."
    if isinstance(failure, httpx.ConnectError):
        return f"No connection: {failure}."
    return f"The connection broke ({type(failure).__name__})."
