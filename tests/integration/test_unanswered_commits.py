"""A commit whose answer was lost: what it accepted keeps its recording, and what it did not is nobody's for long."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.audio.decoder import DecoderPool
from appliance.errors import Overloaded, StorageUnavailable
from appliance.housekeeping.house import House as Housekept
from appliance.housekeeping.orphans import delete_orphans
from tests.integration.api_house import TRANSLATE, House, open_house

ASYNC = f"{TRANSLATE}/async"
KEYED = {"headers": {"idempotency-key": "note-1"}}


@pytest.fixture
def house(tmp_path: Path, decoder: DecoderPool) -> Iterator[House]:
    with open_house(tmp_path, decoder) as house:
        yield house


def unanswered(call: Callable[..., Any]) -> Callable[..., Any]:
    """Return a call that is done, and whose answer is lost."""

    def done(*given: Any, **named: Any) -> Any:
        call(*given, **named)
        raise StorageUnavailable("The database does not answer.")

    return done


def recordings(house: House) -> list[str]:
    return [entry.name for entry in house.objects.entries("pcm/")]


def test_a_job_whose_commit_was_not_answered_keeps_its_recording(house, monkeypatch):
    with monkeypatch.context() as lost:
        lost.setattr(house.parts.submitter, "accept", unanswered(house.parts.submitter.accept))
        refused = house.send("good morning", "fr", path=ASYNC, **KEYED)
    assert (refused.status_code, refused.json()["code"]) == (503, "storage_unavailable")
    assert len(recordings(house)) == 1

    again = house.send("good morning", "fr", path=ASYNC, **KEYED)
    assert again.status_code == 202
    house.work()
    job = house.client.get(f"/api/v1/voice/job/{again.json()['job_id']}", headers=house.headers()).json()
    assert job["state"] == "done", job


def test_a_recording_that_no_job_was_committed_for_goes_with_the_orphans(house, monkeypatch):
    def away(*given: Any) -> None:
        raise StorageUnavailable("The database does not answer.")

    with monkeypatch.context() as before:
        before.setattr(house.parts.submitter, "accept", away)
        assert house.send("good morning", "fr", path=ASYNC).status_code == 503
    (left,) = recordings(house)
    dry = Housekept(house.database, house.objects, house.settings, dry_run=True)
    assert delete_orphans(dry).found == 0, "a young one may be about to be named"
    age(house, left)
    assert delete_orphans(dry).found == 1


def test_a_refusal_leaves_no_recording(house, monkeypatch):
    def refuse(*given: Any) -> None:
        raise Overloaded("There is as much work as can be finished in time.", retry_after_s=5)

    monkeypatch.setattr(house.parts.submitter, "accept", refuse)
    assert house.send("good morning", "fr", path=ASYNC).status_code == 503
    assert recordings(house) == []


def age(house: House, name: str) -> None:
    """Make an object as old as orphans are."""
    path = house.settings.data_dir / "objects" / name
    old_s = path.stat().st_mtime - 2 * 3600
    os.utime(path, (old_s, old_s))
