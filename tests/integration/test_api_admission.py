"""Admission over HTTP: what is refused and when, what never is, and what the appliance tells about itself."""

import asyncio
import contextlib
import gc
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from appliance.access.plans import change_plan
from appliance.admin.snapshot import Snapshots
from appliance.api import intake
from appliance.api.capacity import CapacityOut
from appliance.audio.decoder import DecoderPool
from appliance.clock import SystemClock
from appliance.errors import Overloaded
from appliance.jobs.documents import Request
from appliance.jobs.rates import COMMISSIONED, FAMILIES, Rate, learn
from appliance.jobs.submit import Submission
from appliance.owner import Owner
from appliance.storage.site import set_site_value
from tests.integration.api_house import TRANSLATE, House, open_house, recording
from tests.integration.console import Console

CAPACITY = "/api/v1/capacity"


@pytest.fixture
def house(tmp_path: Path, decoder: DecoderPool) -> Iterator[House]:
    with open_house(tmp_path, decoder, most_waiting_jobs=2) as house:
        yield house


def measured(house: House, cost: float) -> None:
    rate = Rate(busy_s=100 * cost, stayed_s=100 * cost, audio_s=100.0)
    with house.database.write() as connection:
        learn(connection, {(family, "short"): rate for family in FAMILIES}, house.database.now_s(connection))
        set_site_value(connection, COMMISSIONED, {}, house.database.now_s(connection))
    forget(house)


def forget(house: House) -> None:
    """Let the next request look anew, as after half a second."""
    house.parts.submitter.admission._outlook = None


def full(house: House) -> str:
    job_id = house.waiting_job("waits 0")
    house.waiting_job("waits 1")
    forget(house)
    return job_id


def capacity(house: House) -> dict[str, Any]:
    response = house.client.get(CAPACITY, headers=house.headers(None))
    assert response.status_code == 200
    return response.json()


def answered_without_a_body(house: House) -> list[dict[str, Any]]:
    """Send the headers of an upload and then nothing, and return the messages of the answer."""
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": TRANSLATE, "raw_path": TRANSLATE.encode(), "query_string": b"", "root_path": "",
        "headers": [
            (b"authorization", house.headers()["authorization"].encode()),
            (b"content-type", b"multipart/form-data; boundary=b"), (b"content-length", b"1000000"),
        ],
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 2), "state": {},
    }  # fmt: skip
    sent: list[dict[str, Any]] = []

    async def never() -> dict[str, Any]:
        return await asyncio.Future()

    async def keep(message: dict[str, Any]) -> None:
        sent.append(message)

    async def ask() -> None:
        async with asyncio.timeout(60):
            await house.app(scope, never, keep)

    asyncio.run(ask())
    return sent


def test_a_full_appliance_answers_without_waiting_for_the_body(house: House) -> None:
    full(house)

    start, body = answered_without_a_body(house)[:2]

    assert start["status"] == 503
    assert int(dict(start["headers"])[b"retry-after"]) >= 1
    assert msgspec.json.decode(body["body"])["code"] == "overloaded"


def test_a_full_appliance_counts_what_it_refuses(house: House) -> None:
    full(house)
    change_plan(house.database, "enterprise", {"requests_per_minute": "2"})

    # Six, because the minute may change between two of them.
    codes = {house.send("one more", "fr").json()["code"] for _ in range(6)}

    assert codes == {"overloaded", "rate_limited"}


def test_a_refused_recording_is_given_up_at_once(house: House) -> None:
    house.waiting_job("before it")
    measured(house, 20.0)
    submission = Submission(
        owner=Owner(house.key.application_id, "alice"), request=Request(targets=("fr",), consent=True),
        audio_sha256="0" * 64,
    )  # fmt: skip
    plan = asking(house, house.parts.quotas.gate, house.key.application_id, None, 0.0)
    audio = recording("too much")
    gc.disable()
    try:
        held = sys.getrefcount(audio)
        with contextlib.suppress(Overloaded):
            intake._counted(house.parts, plan, submission, audio)
            raise AssertionError("not refused")
        assert sys.getrefcount(audio) == held
    finally:
        gc.enable()


def asking(house: House, question, *arguments):
    with house.database.read() as connection:
        return question(connection, *arguments)


def test_what_cannot_be_done_in_time_is_refused_with_when_it_would_be(house: House) -> None:
    house.waiting_job("before it")
    # Twenty seconds a second, for five passes over half a second, and nobody works.
    measured(house, 20.0)

    response = house.send("too much", "fr", path=f"{TRANSLATE}/async")

    document = response.json()
    assert (response.status_code, document["code"]) == (503, "overloaded")
    assert document["eta_s"] > 50
    assert document["priority"] == 0
    assert int(response.headers["retry-after"]) >= 1


@pytest.mark.parametrize("why", ["too many wait", "too late"])
def test_a_picture_tells_what_became_of_the_jobs_of_a_priority_of_which_some_were_refused(house: House, why) -> None:
    house.parts.metrics.count_commits_of(house.database.engine)
    if why == "too late":
        house.waiting_job("before it")
        measured(house, 20.0)
    else:
        full(house)
    for _ in range(3):
        assert house.send("too much", "fr", path=f"{TRANSLATE}/async").status_code == 503
    house.parts.metrics.tally.tell(house.database)

    (told,) = Console(house).snapshot().rates.admission

    assert (told.priority, told.admitted, told.refused) == (0, 1 if why == "too late" else 2, 3)
    value = house.parts.metrics.registry.get_sample_value
    assert value("meeshy_jobs_refused_total", {"priority": "0"}) == told.refused
    assert value("meeshy_jobs_admitted_total", {"priority": "0"}) == told.admitted


def test_a_kept_answer_does_not_hide_that_nothing_else_is_taken(house: House) -> None:
    house.finished_job("known")
    house.parts.metrics.count_commits_of(house.database.engine)
    house.waiting_job("before it")
    measured(house, 20.0)
    before = Console(house).snapshot().rates.admission
    assert house.finished_job("known")["state"] == "done"
    assert house.send("too much", "fr", path=f"{TRANSLATE}/async").status_code == 503
    house.parts.metrics.tally.tell(house.database)

    (told,) = Snapshots(house.database, house.settings, SystemClock()).make().rates.admission

    assert before == ()
    assert (told.admitted, told.refused) == (1, 1)


def test_looking_cancelling_and_health_are_never_refused(house: House) -> None:
    job_id = full(house)
    house.registry.proven()
    path = f"/api/v1/voice/job/{job_id}"

    assert house.send("one more", "fr").status_code == 503
    assert house.client.get(path, headers=house.headers()).status_code == 200
    assert house.client.get("/api/v1/health", headers=house.headers()).status_code == 200
    assert house.client.get("/health/live").status_code == 200
    assert not any(each["accepts"] for each in capacity(house)["priorities"])
    assert house.client.delete(path, headers=house.headers()).status_code == 200


def test_a_repeated_request_gets_its_job_from_a_full_appliance(house: House) -> None:
    house.working = False
    key = {"idempotency-key": "note-1"}
    first = house.send("waits 0", "fr", path=f"{TRANSLATE}/async", headers=key)
    house.waiting_job("waits 1")
    forget(house)

    again = house.send("waits 0", "fr", path=f"{TRANSLATE}/async", headers=key)

    assert again.status_code == 202
    assert again.json()["job_id"] == first.json()["job_id"]


def test_an_open_job_tells_its_place_and_a_finished_one_does_not(house: House) -> None:
    measured(house, 0.1)
    job_id = house.waiting_job("waits")
    path = f"/api/v1/voice/job/{job_id}"

    waiting = house.client.get(path, headers=house.headers()).json()
    house.working = True
    house.work()
    done = house.client.get(path, headers=house.headers()).json()

    assert waiting["queue_position"] == 1
    assert waiting["eta_s"] > 0
    assert done["state"] == "done"
    assert (done["queue_position"], done["eta_s"]) == (None, None)


def test_without_measurements_everything_is_taken_and_no_eta_told(house: House) -> None:
    house.waiting_job("waits")
    forget(house)

    told = capacity(house)

    assert told["figures"] == "none"
    assert [each["priority"] for each in told["priorities"]] == [0, 1, 2]
    assert {each["accepts"] for each in told["priorities"]} == {True}
    assert {each["eta_s"] for each in told["priorities"]} == {None}
    assert [each["waiting_jobs"] for each in told["priorities"]] == [1, 0, 0]
    assert told["slots"] == dict.fromkeys(FAMILIES, 1)
    assert told["eta_error"] == {"jobs": 0, "median_s": None}


def test_the_capacity_follows_what_was_measured(house: House) -> None:
    measured(house, 0.1)
    house.finished_job("done")
    # For half a second it would count as waiting still.
    forget(house)

    told = capacity(house)

    assert told["figures"] == "commissioned"
    assert [each["sla_s"] for each in told["priorities"]] == [3.0, 10.0, 30.0]
    assert [each["eta_s"] for each in told["priorities"]] == [2.5, 2.5, 2.5]
    assert told["eta_error"]["jobs"] == 1
    assert msgspec.convert(told, CapacityOut).sla_scale == 1.0


def test_a_key_for_administration_alone_sees_no_capacity(house: House) -> None:
    headers = house.headers(None, key=house.another_key("console", "admin"))

    assert house.client.get(CAPACITY, headers=headers).status_code == 403
