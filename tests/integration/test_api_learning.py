"""Feedback, history and statistics over HTTP."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
import sqlalchemy as sa

from appliance.access.plans import change_plan, set_plan
from appliance.audio.decoder import DecoderPool
from appliance.storage.tables import events
from appliance.telemetry.logs import JsonLines
from tests.integration.api_house import House, open_house

FEEDBACK, HISTORY, STATS = (f"/api/v1/voice/{name}" for name in ("feedback", "history", "stats"))


@pytest.fixture
def house(tmp_path: Path, decoder: DecoderPool) -> Iterator[House]:
    with open_house(tmp_path, decoder) as house:
        yield house


@pytest.fixture
def job_id(house: House) -> str:
    return house.finished_job("hello", "fr", "es")["job_id"]


def _say(house: House, job_id: str, /, user: str | None = "alice", **said: Any) -> Any:
    body = {"job_id": job_id, "language": "fr", **said}
    return house.client.post(FEEDBACK, json=body, headers=house.headers(user))


def _get(house: House, path: str, user: str | None = "alice", key: str | None = None, **asked: Any) -> Any:
    return house.client.get(path, params=asked, headers=house.headers(user, key=key))


class TestFeedback:
    def test_it_is_noted_and_shows_in_history_and_statistics(self, house: House, job_id: str) -> None:
        first = _say(house, job_id, rating=1, comment="wrong name")
        second = _say(house, job_id, rating=4, sounds_like_me=True, issue="wrong_words", signals={"replayed": 2})

        assert (first.status_code, second.status_code) == (201, 201)
        assert first.json()["event_id"] != second.json()["event_id"]
        (entry,) = _get(house, HISTORY).json()["jobs"]
        assert {e["language"]: e["rating"] for e in entry["languages"]} == {"fr": 4, "es": None}
        stats = _get(house, STATS).json()
        assert (stats["ratings"], stats["rating"]) == (1, 4.0)

    def test_the_user_may_stand_in_the_body(self, house: House, job_id: str) -> None:
        assert _say(house, job_id, user=None, user_id="alice", rating=5).status_code == 201
        assert _say(house, job_id, user="bob", user_id="alice", rating=5).status_code == 400
        assert _say(house, job_id, user=None, rating=5).status_code == 400

    def test_a_regional_tag_means_its_language(self, house: House, job_id: str) -> None:
        assert _say(house, job_id, language="fr-CA", rating=5).status_code == 201
        assert _say(house, job_id, language="klingon", rating=5).json()["code"] == "unknown_language"

    @pytest.mark.parametrize(
        "said",
        [
            {},
            {"rating": 0},
            {"rating": 6},
            {"rating": 4.5},
            {"rating": True},
            {"issue": "mood"},
            {"comment": ""},
            {"comment": "x" * 1001},
            {"comment": "a\x00b"},
            {"signals": {"replayed": -1}},
            {"signals": {"listened_s": 1e9}},
            {"signals": {"skipped": 1}},
            {"signals": {"replayed": 0}},
            {"rating": 3, "mood": "fine"},
            {"rating": 3, "job_id": "a\x00b"},
        ],
    )
    def test_what_does_not_fit_is_refused_and_leaves_nothing(
        self, house: House, job_id: str, said: dict[str, Any]
    ) -> None:
        response = _say(house, job_id, **said)

        assert (response.status_code, response.json()["code"]) == (400, "invalid_request")
        with house.database.read() as connection:
            assert set(connection.scalars(sa.select(events.c.kind))) == {"receipt"}

    @pytest.mark.parametrize(
        ("content", "media_type", "status"),
        [
            (b"{", "application/json", 400),
            (b"[" * 20_000, "application/json", 400),
            (b'{"job_id": "\xff"}', "application/json", 400),
            (b'{"comment": "\\ud800"}', "application/json", 400),
            (b"{}", "text/plain", 415),
            (b" " * 40_000, "application/json", 413),
        ],
    )
    def test_a_hostile_body_is_refused(self, house: House, content: bytes, media_type: str, status: int) -> None:
        headers = house.headers(**{"content-type": media_type})

        assert house.client.post(FEEDBACK, content=content, headers=headers).status_code == status

    def test_another_owners_or_an_unknown_job_is_not_there(self, house: House, job_id: str) -> None:
        foreign = house.another_key("other")
        body = {"job_id": job_id, "language": "fr", "rating": 1}

        answers = [
            _say(house, job_id, user="bob", rating=1),
            _say(house, "job_unknown", rating=1),
            house.client.post(FEEDBACK, json=body, headers=house.headers(key=foreign)),
        ]

        assert [answer.status_code for answer in answers] == [404, 404, 404]

    def test_a_comment_is_stored_and_never_logged(self, house: House, job_id: str, caplog) -> None:
        with caplog.at_level("DEBUG"):
            _say(house, job_id, comment="the password is mellon")
            _say(house, job_id, comment="the password is mellon", rating=9)

        with house.database.read() as connection:
            comments = connection.scalars(sa.select(events.c.comment).where(events.c.kind == "feedback")).all()
        assert comments == ["the password is mellon"]
        assert "mellon" not in "".join(JsonLines().format(record) for record in caplog.records)


class TestHistory:
    def test_pages_lead_through_all_jobs(self, house: House) -> None:
        made = [house.finished_job(f"message {number}")["job_id"] for number in range(5)]

        shown, cursor = [], {}
        for _ in range(3):
            page = _get(house, HISTORY, limit=2, **cursor).json()
            shown += [entry["job_id"] for entry in page["jobs"]]
            cursor = {"cursor": page["next_cursor"]}

        assert shown == made[::-1]
        assert page["next_cursor"] is None

    def test_the_text_comes_only_when_asked_for(self, house: House, job_id: str) -> None:
        assert _get(house, HISTORY).json()["jobs"][0]["text"] is None
        assert _get(house, HISTORY, text="true").json()["jobs"][0]["text"] == "hello"

    def test_filters_are_applied(self, house: House, job_id: str) -> None:
        now_s = house.parts.clock.now_s()
        asked = [{"state": "failed"}, {"language": "de"}, {"since_s": now_s + 60}, {"until_s": now_s - 600}]

        assert [_get(house, HISTORY, **each).json()["jobs"] for each in asked] == [[], [], [], []]
        assert len(_get(house, HISTORY, state="done", language="es", since_s=0).json()["jobs"]) == 1

    def test_another_user_or_application_sees_none_of_it(self, house: House, job_id: str) -> None:
        assert _get(house, HISTORY, user="bob").json()["jobs"] == []
        assert _get(house, HISTORY, key=house.another_key("other")).json()["jobs"] == []
        assert _get(house, HISTORY, user=None, user_id="alice").json()["jobs"] != []

    @pytest.mark.parametrize(
        "asked",
        [
            {"limit": 0},
            {"limit": 101},
            {"cursor": "nonsense"},
            {"cursor": ""},
            {"state": "asleep"},
            {"since_s": "yesterday"},
            {"since_s": "nan"},
            {"until_s": "inf"},
            {"text": "perhaps"},
        ],
    )
    def test_what_does_not_fit_is_refused(self, house: House, asked: dict[str, Any]) -> None:
        assert _get(house, HISTORY, **asked).status_code == 400


class TestStatistics:
    def test_an_empty_history_has_no_figures(self, house: House) -> None:
        stats = _get(house, STATS, since_s=12.5).json()

        assert (stats["scope"], stats["since_s"], stats["jobs"], stats["pairs"]) == ("user", 12.5, 0, [])
        assert (stats["latency_s"], stats["wer"], stats["cache_hit_rate"]) == (None, None, None)

    def test_they_agree_with_the_jobs_own_answers(self, house: House) -> None:
        job = house.finished_job("hello", "fr", "es")
        house.finished_job("hello", "fr", "es")

        stats = _get(house, STATS).json()

        assert (stats["jobs"], stats["targets"]["done"], stats["cache_hit_rate"]) == (2, 4, 0.5)
        assert stats["computed_latency_s"]["p95"] == pytest.approx(job["finished_s"] - job["accepted_s"], abs=0.2)
        assert [(pair["source"], pair["target"], pair["spoken"]) for pair in stats["pairs"]] == [
            ("en", "es", 2),
            ("en", "fr", 2),
        ]

    def test_a_user_counts_alone_and_an_administrator_sees_the_whole_application(
        self, house: House, job_id: str
    ) -> None:
        house.finished_job("hello", user="bob")
        admin = house.another_key("messenger", "admin")
        elsewhere = house.another_key("other", "admin+app")

        assert _get(house, STATS).json()["jobs"] == 1
        assert _get(house, STATS, user=None, key=admin, scope="application").json()["jobs"] == 2
        assert _get(house, STATS, key=elsewhere, scope="application").json()["jobs"] == 0
        assert _get(house, STATS, scope="application").status_code == 403
        assert _get(house, STATS, key=admin).status_code == 403
        assert _get(house, STATS, key=admin, scope="planet").status_code == 400

    def test_they_need_a_plan_with_analytics_and_the_rest_does_not(self, house: House, job_id: str) -> None:
        admin = house.another_key("messenger", "admin")
        set_plan(house.database, "messenger", "pro")

        for refused in (_get(house, STATS), _get(house, STATS, user=None, key=admin, scope="application")):
            assert (refused.status_code, refused.json()["code"]) == (403, "analytics_not_in_plan")
        assert _get(house, HISTORY).status_code == 200
        assert _say(house, job_id, rating=5).status_code == 201
        change_plan(house.database, "pro", {"analytics": "true"})
        assert _get(house, STATS).json()["rating"] == 5.0

    def test_a_users_token_gives_their_own_figures_and_never_the_applications(self, house: House, job_id: str) -> None:
        claims = {"iss": house.key.application_id, "sub": "alice", "aud": "meeshy", "exp": 4_000_000_000}
        headers = {"authorization": f"Bearer {jwt.encode(claims, house.key.token_secret)}"}

        assert house.client.get(STATS, headers=headers).json()["jobs"] == 1
        assert house.client.get(STATS, params={"scope": "application"}, headers=headers).status_code == 403
        assert house.client.get(STATS, params={"user_id": "bob"}, headers=headers).status_code == 403
        assert house.client.get(HISTORY, params={"user_id": "bob"}, headers=headers).status_code == 403


def test_all_three_count_against_the_limit(tmp_path: Path, decoder: DecoderPool) -> None:
    with open_house(tmp_path, decoder, requests_per_minute=2) as house:
        admin = house.another_key("messenger", "admin")
        answers = {
            "feedback": [_say(house, "job_x", user="u1", rating=1) for _ in range(6)],
            "history": [_get(house, HISTORY, user="u2") for _ in range(6)],
            "stats": [_get(house, STATS, user="u3") for _ in range(6)],
            "application": [_get(house, STATS, key=admin, scope="application") for _ in range(6)],
        }

    for name, given in answers.items():
        refused = [answer for answer in given if answer.status_code == 429]
        assert refused, name
        assert refused[-1].headers["retry-after"]


def test_deleting_a_job_takes_its_feedback_out_of_the_figures(house: House, job_id: str) -> None:
    _say(house, job_id, rating=5)
    house.client.delete(f"/api/v1/voice/job/{job_id}", headers=house.headers())

    stats = _get(house, STATS).json()

    assert (stats["jobs"], stats["ratings"], stats["rating"]) == (0, 0, None)
    assert _get(house, HISTORY).json()["jobs"] == []
