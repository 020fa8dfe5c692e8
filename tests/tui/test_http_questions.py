"""Questions and actions over HTTP: what is sent, and what the answers mean."""

import asyncio
import json
from dataclasses import replace

import httpx
import msgspec
import pytest

from appliance.admin import schema
from tests.tui import scenes
from tests.tui.scripted_http import Server, problem, source_of
from tui.acting import drain_or_undrain, pause_or_resume, retry_all, retry_letter
from tui.answers import Busy
from tui.http_source import ANSWER_S, BULK_S
from tui.source import Conflict, LaneQuery, Refused, SourceError, Unanswered


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
        "/api/v1/admin/lanes/hear.p0/jobs?cursor=c%2F1&total=false",
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
