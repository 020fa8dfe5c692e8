"""The source over HTTP: a stream that is cut, a key that is refused, other versions, answers that are none."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import replace

import httpx
import msgspec
import pytest

from appliance.admin import schema
from tests.tui import scenes
from tests.tui.clock import StoppedClock
from tui.acting import drain_or_undrain, pause_or_resume, retry_all, retry_letter
from tui.answers import Busy
from tui.http_source import ANSWER_S, BULK_S, HttpSource
from tui.source import Conflict, LaneQuery, Outage, Refused, SourceError, Unanswered

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


def test_a_whole_snapshot_comes_first_and_then_the_streams():
    server = Server(
        snapshot=[snapshot], events=[lambda: stream(b": hi\n\n", event(8), event(9), event(10, "log"), event(11))]
    )

    seen = news(source_of(server), 4)

    assert [each.sequence for each in seen] == [7, 8, 9, 11]
    assert {request.headers["Authorization"] for request in server.requests} == {"Bearer secret"}


def test_a_stream_cut_in_the_middle_of_an_event_is_an_outage_and_a_new_whole_snapshot():
    cut = stream(event(8), event(9)[:40], httpx.ReadError("reset"))
    server = Server(snapshot=[snapshot], events=[cut, lambda: stream(event(20))])
    clock = StoppedClock()

    seen = news(source_of(server, clock), 5)

    assert [getattr(each, "sequence", each) for each in seen] == [
        7, 8, Outage("offline", "The connection broke (ReadError).", 1.0), 7, 20,
    ]  # fmt: skip
    assert clock.slept_s == [1.0]


def test_a_stream_that_ends_in_good_order_is_taken_up_again_without_an_outage():
    server = Server(snapshot=[snapshot], events=[stream(event(8)), lambda: stream(event(9))])
    clock = StoppedClock()

    seen = news(source_of(server, clock), 4)

    assert [each.sequence for each in seen] == [7, 8, 7, 9]
    assert clock.slept_s == [1.0]


def test_a_server_that_is_gone_is_asked_again_and_again_ever_more_rarely():
    server = Server(snapshot=[httpx.ConnectError("refused")])
    clock = StoppedClock()

    seen = news(source_of(server, clock), 8)

    assert [each.retry_in_s for each in seen] == [1, 2, 4, 8, 16, 30, 30, 30]
    assert {each.kind for each in seen} == {"offline"}
    assert clock.slept_s == [1, 2, 4, 8, 16, 30, 30]


def test_after_a_success_the_waits_begin_anew():
    server = Server(snapshot=[httpx.ConnectError("x"), httpx.ConnectError("x"), snapshot], events=[lambda: stream()])

    seen = news(source_of(server), 4)

    assert [each.retry_in_s for each in seen if isinstance(each, Outage)] == [1, 2, 1]


def test_a_refused_key_is_tried_again_only_when_somebody_asks_and_then_read_anew():
    server = Server(snapshot=[problem(401, "A valid API key is needed."), snapshot])
    clock = StoppedClock()
    keys = iter(["old", "new"])
    source = source_of(server, clock, lambda: next(keys))

    async def scenario() -> list[schema.Snapshot | Outage]:
        following = source.follow()
        refused = await anext(following)
        waiting = asyncio.ensure_future(anext(following))
        for _ in range(20):
            await asyncio.sleep(0)
        assert not waiting.done()
        source.hurry()
        return [refused, await asyncio.wait_for(waiting, 10)]

    refused, back = asyncio.run(scenario())

    assert refused.kind == "refused"
    assert refused.retry_in_s is None
    assert "401: A valid API key is needed." in refused.reason
    assert back == scenes.calm()
    assert clock.slept_s == []
    assert [request.headers["Authorization"] for request in server.requests] == ["Bearer old", "Bearer new"]


class Silent(httpx.AsyncByteStream):
    """A stream that tells nothing, and notes when it is closed."""

    closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b": hi\n\n"
        await asyncio.Event().wait()

    async def aclose(self) -> None:
        self.closed = True


def test_hurry_asks_once_beside_a_stream_that_is_silent_and_the_stream_goes_on():
    silent = Silent()
    server = Server(snapshot=[snapshot], events=[httpx.Response(200, stream=silent)])
    source = source_of(server)

    async def scenario() -> None:
        following = source.follow()
        await anext(following)
        for _ in range(2):
            waiting = asyncio.ensure_future(anext(following))
            for _ in range(20):
                await asyncio.sleep(0)
            assert not waiting.done()
            source.hurry()
            assert await asyncio.wait_for(waiting, 10) == scenes.calm()
        assert not silent.closed
        await following.aclose()
        assert silent.closed

    asyncio.run(scenario())

    assert [request.url.path.rsplit("/", 1)[1] for request in server.requests] == [
        "snapshot", "events", "snapshot", "snapshot",
    ]  # fmt: skip


def test_who_hurries_while_the_database_is_away_is_told_so():
    away = problem(503, "The database does not answer.", "storage_unavailable", **{"Retry-After": "5"})
    server = Server(snapshot=[snapshot, away], events=[httpx.Response(200, stream=Silent())])
    source = source_of(server)

    async def scenario() -> schema.Snapshot | Outage:
        following = source.follow()
        await anext(following)
        source.hurry()
        outage = await asyncio.wait_for(anext(following), 10)
        await following.aclose()
        return outage

    assert asyncio.run(scenario()) == Outage("offline", "The database does not answer.", 5.0)


def test_hurry_ends_a_wait():
    server = Server(snapshot=[httpx.ConnectError("x"), snapshot])

    class Endless(StoppedClock):
        async def sleep_s(self, seconds: float) -> None:
            await asyncio.Event().wait()

    source = source_of(server, Endless())

    async def scenario() -> schema.Snapshot | Outage:
        following = source.follow()
        await anext(following)
        waiting = asyncio.ensure_future(anext(following))
        await asyncio.sleep(0)
        source.hurry()
        return await asyncio.wait_for(waiting, 10)

    assert asyncio.run(scenario()) == scenes.calm()


def no_file() -> str:
    raise FileNotFoundError(2, "No such file or directory")


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (problem(403, "This key may not do that."), "refused", "403: This key may not do that."),
        (problem(404, "Nothing."), "incompatible", "another server, or an older appliance"),
        (httpx.Response(200, content=b'{"schema": "2.0"}'), "incompatible", "version 2.0"),
        (httpx.Response(200, content=b"<html>login</html>"), "offline", "not one that this console can read"),
        (httpx.Response(502, content=b"<html>Bad Gateway</html>"), "offline", "502"),
        (httpx.Response(200, content=b"x" * (4 * 2**20 + 1)), "offline", "beyond all bounds"),
        (httpx.ConnectTimeout("slow"), "offline", "does not answer in time"),
        (httpx.DecodingError("bad gzip"), "offline", "The connection broke (DecodingError)."),
        (httpx.Response(302, headers={"Location": "https://evil.example/"}), "offline", "302"),
    ],
    ids=["403", "404", "other-version", "html", "502", "too-long", "timeout", "undecodable", "redirect"],
)
def test_every_kind_of_no_has_its_own_sentence(answer, kind, words):
    server = Server(snapshot=[answer])

    outage = news(source_of(server), 1)[0]

    assert (outage.kind, words in outage.reason) == (kind, True), outage.reason
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "key", [no_file, lambda: "sch\u00fcssel\u20ac", lambda: "two\nlines"], ids=["no file", "no ascii", "lines"]
)
def test_a_key_that_cannot_be_sent_is_refused_before_anything_is_sent(key):
    server = Server(snapshot=[snapshot])

    outage = news(source_of(server, key=key), 1)[0]

    assert outage.kind == "refused"
    assert "schl" not in outage.reason
    assert server.requests == []


@pytest.mark.parametrize("code", ["not_ready", "storage_unavailable"])
def test_a_busy_server_is_left_alone_for_as_long_as_it_asks(code):
    server = Server(snapshot=[problem(503, "Starting.", code, **{"Retry-After": "12"})])

    assert news(source_of(server), 1) == [Outage("offline", "Starting.", 12.0)]


def test_pages_are_asked_for_with_lane_cursor_and_filter():
    page = httpx.Response(200, content=msgspec.json.encode(scenes.jobs_page()))
    dead = httpx.Response(200, content=msgspec.json.encode(scenes.dead_page()))
    server = Server(lanes=[page], dead_letters=[dead], jobs=[problem(404, "No such job.")])
    source = source_of(server)

    async def scenario() -> None:
        assert await source.jobs(LaneQuery("hear", 0, "c/1")) == scenes.jobs_page()
        assert await source.dead_letters(LaneQuery("hear", 1)) == scenes.dead_page()
        with pytest.raises(SourceError, match=r"No such job\."):
            await source.job("../me")

    asyncio.run(scenario())

    assert [request.url.raw_path.decode() for request in server.requests] == [
        "/api/v1/admin/lanes/hear.p0/jobs?cursor=c%2F1",
        "/api/v1/admin/dead-letters?stage=hear&priority=1",
        "/api/v1/admin/jobs/..%2Fme",
    ]


@pytest.mark.parametrize(
    ("action", "path", "document"),
    [
        (pause_or_resume(scenes.lane("hear", 0)), "lanes/hear.p0/pause", {"expected_state": "open"}),
        (pause_or_resume(scenes.lane("hear", 0, state="paused")), "lanes/hear.p0/resume", {"expected_state": "paused"}),
        (drain_or_undrain(scenes.worker("w 1", "idle", "all")), "workers/w%201/drain", {"expected_state": "taking"}),
        (
            drain_or_undrain(scenes.worker("w1", "drained", "all", draining=True)),
            "workers/w1/undrain",
            {"expected_state": "draining"},
        ),
        (retry_letter(scenes.dead_page().dead_letters[0]), "dead-letters/9f31a2/retry", {"expected_state": "dead"}),
        (
            retry_all(scenes.lane("hear", 1, dead=3), 3),
            "dead-letters/retry",
            {"stage": "hear", "priority": 1, "error": None, "expected_count": 3},
        ),
    ],
    ids=["pause", "resume", "drain", "undrain", "retry", "retry all"],
)
def test_an_action_is_one_request_with_its_key_its_reason_and_what_it_expects(action, path, document):
    answer = httpx.Response(202, content=msgspec.json.encode(scenes.answer()))
    server = Server(lanes=[answer], workers=[answer], dead_letters=[answer])
    action = replace(action, reason="why")

    assert asyncio.run(source_of(server).act(action)) == scenes.answer()

    (request,) = server.requests
    assert request.method == "POST"
    assert request.url.raw_path.decode() == f"/api/v1/admin/{path}"
    assert request.headers["Idempotency-Key"] == action.idempotency_key
    assert json.loads(request.content) == {"reason": "why", **document}


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (httpx.ReadTimeout("slow"), Unanswered),
        (httpx.ReadError("reset"), Unanswered),
        (httpx.RemoteProtocolError("cut"), Unanswered),
        (httpx.ConnectError("refused"), SourceError),
        (httpx.ConnectTimeout("slow"), SourceError),
        (problem(504, "Gateway timeout."), Unanswered),
        (problem(500, "Unexpected."), Unanswered),
        (problem(503, "The database does not answer.", "storage_unavailable"), Unanswered),
        (httpx.Response(503, content=b"<html>No server is available</html>"), Unanswered),
        (problem(503, "Later.", "overloaded"), Busy),
        (httpx.Response(202, content=b"<html>"), Unanswered),
    ],
    ids=[
        "no answer",
        "reset",
        "cut",
        "refused",
        "no connection",
        "a proxy gave up",
        "an error",
        "the database went",
        "a proxy without a server",
        "overloaded",
        "unreadable",
    ],
)
def test_only_what_was_never_sent_or_was_refused_is_surely_not_done(failure, kind):
    server = Server(lanes=[failure])

    with pytest.raises(SourceError) as raised:
        asyncio.run(source_of(server).act(replace(pause_or_resume(scenes.lane("hear", 0)), reason="why")))

    assert type(raised.value) is kind
    assert len(server.requests) == 1


def test_a_bulk_is_given_more_time_to_answer():
    answer = httpx.Response(202, content=msgspec.json.encode(scenes.answer()))
    server = Server(dead_letters=[answer])

    async def scenario() -> None:
        source = source_of(server)
        await source.act(retry_letter(scenes.dead_page().dead_letters[0]))
        await source.act(retry_all(scenes.lane("hear", 1, dead=3), 3))

    asyncio.run(scenario())

    assert [request.extensions["timeout"]["read"] for request in server.requests] == [ANSWER_S, BULK_S]
    assert [request.extensions["timeout"]["connect"] for request in server.requests] == [ANSWER_S, ANSWER_S]


def test_of_the_audit_only_what_operators_did_is_asked_for():
    server = Server(audit=[httpx.Response(200, content=msgspec.json.encode(scenes.audit_page()))])

    assert asyncio.run(source_of(server).audit()) == scenes.audit_page()

    assert [request.url.raw_path.decode() for request in server.requests] == ["/api/v1/admin/audit?action=console."]


def test_windows_are_asked_for_in_seconds():
    quality = httpx.Response(200, content=msgspec.json.encode(schema.Quality(spoken=3)))
    figures = httpx.Response(200, content=msgspec.json.encode(schema.History(step_s=900.0)))
    server = Server(quality=[quality], history=[figures])

    async def scenario() -> None:
        source = source_of(server)
        assert (await source.quality(86_400.0)).spoken == 3
        assert (await source.history(2_592_000.0, ("wer", "cache.l1"))).step_s == 900.0

    asyncio.run(scenario())

    assert [request.url.raw_path.decode() for request in server.requests] == [
        "/api/v1/admin/quality?window_s=86400.0",
        "/api/v1/admin/history?window_s=2592000.0&series=wer%2Ccache.l1",
    ]


@pytest.mark.parametrize(("status", "kind"), [(409, Conflict), (403, Refused), (500, Unanswered)])
def test_a_refused_action_says_what_is_true_now(status, kind):
    server = Server(lanes=[problem(status, "hear.p0 is already paused by ben.")])

    with pytest.raises(kind, match="already paused by ben"):
        asyncio.run(source_of(server).act(replace(pause_or_resume(scenes.lane("hear", 0)), reason="why")))

    assert len(server.requests) == 1
