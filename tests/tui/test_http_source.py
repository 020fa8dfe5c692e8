"""Following over HTTP: a stream that is cut, a key that is refused, other versions, answers that are none."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from appliance.admin import schema
from tests.tui import scenes
from tests.tui.clock import StoppedClock
from tests.tui.scripted_http import Server, event, news, problem, snapshot, source_of, stream
from tui.source import Outage


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


def test_with_the_first_event_of_a_stream_the_waits_begin_anew():
    cut = stream(event(8), httpx.ReadError("reset"))
    server = Server(snapshot=[httpx.ConnectError("x"), httpx.ConnectError("x"), snapshot], events=[cut])

    seen = news(source_of(server), 5)

    assert [each.retry_in_s for each in seen if isinstance(each, Outage)] == [1, 2, 1]


def test_where_only_streams_fail_the_waits_grow_all_the_same():
    refused = httpx.Response(502, content=b"<html>Bad Gateway</html>")
    server = Server(snapshot=[snapshot], events=[refused])
    clock = StoppedClock()

    seen = news(source_of(server, clock), 14)

    assert [each.retry_in_s for each in seen if isinstance(each, Outage)] == [1, 2, 4, 8, 16, 30, 30]
    assert [each.sequence for each in seen if not isinstance(each, Outage)] == [7] * 7
    assert clock.slept_s == [1, 2, 4, 8, 16, 30]


def test_a_stream_of_nothing_is_no_success():
    server = Server(snapshot=[snapshot], events=[lambda: stream(b": hi\n\n")])

    seen = news(source_of(server), 6)

    assert [each.retry_in_s for each in seen if isinstance(each, Outage)] == [1, 2, 4]


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
        (httpx.Response(200, content=b'{"schema": "2.0"}'), "incompatible", "Update this console"),
        (httpx.Response(200, content=b'{"schema": "0.3"}'), "incompatible", "Update the appliance"),
        (httpx.Response(200, content=b"<html>login</html>"), "offline", "not one that this console can read"),
        (httpx.Response(502, content=b"<html>Bad Gateway</html>"), "offline", "502"),
        (httpx.Response(200, content=b"x" * (4 * 2**20 + 1)), "offline", "beyond all bounds"),
        (httpx.ConnectTimeout("slow"), "offline", "does not answer in time"),
        (httpx.DecodingError("bad gzip"), "offline", "The connection broke (DecodingError)."),
        (httpx.Response(302, headers={"Location": "https://evil.example/"}), "offline", "302"),
    ],
    ids=["403", "404", "newer", "older", "html", "502", "too-long", "timeout", "undecodable", "redirect"],
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
