"""Erasing a whole user: nothing with their name is left but what is counted and billed, and others lose nothing."""

import json

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from appliance.access import user_erasure
from appliance.access.commands import keys
from appliance.access.user_commands import users
from appliance.access.user_erasure import erase_user
from appliance.cache.keys import owner_digest
from appliance.errors import NotFound, StorageUnavailable
from appliance.owner import Owner
from appliance.settings import Settings
from appliance.storage.folder import FolderStore
from appliance.storage.schema import metadata
from appliance.storage.tables import audit, phrases
from tests.jobs.library import grow, say, user
from tests.jobs.studio import ALICE

BOB = Owner("app", "bob")
ALICE_ELSEWHERE = Owner("other", "alice")
STAYS = {"usage", "audit", "purges", "rate_windows"}
"""Figures that plans are counted and billed by, what was done, what caches still have to drop, counts of a minute."""


def erase(studio, owner=ALICE):
    return erase_user(studio.database, studio.objects, studio.bench.settings, None, owner)


def rows_of(studio, owner) -> dict[str, int]:
    """Return how many rows each table has of an owner, without those that have none."""
    found = {}
    with studio.database.read() as connection:
        for table in metadata.sorted_tables:
            if "user_id" in table.c and table.name not in STAYS:
                mine = (table.c.application_id == owner.application_id, table.c.user_id == owner.user_id)
                found[table.name] = connection.scalar(sa.select(sa.func.count()).select_from(table).where(*mine))
    return {name: count for name, count in found.items() if count}


def objects_of(studio, owner) -> list[str]:
    return [name for name in studio.bench.stored() if owner_digest(owner) in name]


def lived_in(studio, owner, speaker):
    """Give a user one of everything: a profile, jobs, kept answers, counts of phrases, events."""
    studio.enrolled(owner, speaker)
    studio.translated(speaker, "good morning", owner=owner)
    studio.translated(speaker, "good evening", owner=owner, voice="stock")
    grow(studio.bench)


def test_nothing_of_the_user_is_left_and_everything_of_others(studio):
    people = ((ALICE, "alice"), (BOB, "bob"), (ALICE_ELSEWHERE, "carla"))
    for owner, speaker in people:
        lived_in(studio, owner, speaker)
    for owner, speaker in people:
        studio.submit(speaker, "good night", owner=owner)
    assert set(rows_of(studio, ALICE)) == {"jobs", "cached_answers", "events", "phrase_sayings", "voice_profiles"}
    others = [(rows_of(studio, owner), objects_of(studio, owner)) for owner in (BOB, ALICE_ELSEWHERE)]

    receipt = erase(studio)

    assert receipt.complete
    assert (receipt.counts["jobs"], receipt.counts["jobs_cancelled"]) == (3, 0)
    assert receipt.voice.counts["jobs_cancelled"] == 1, "the erasure of the voice cancelled what spoke with it"
    assert rows_of(studio, ALICE) == {}
    assert objects_of(studio, ALICE) == []
    assert [(rows_of(studio, owner), objects_of(studio, owner)) for owner in (BOB, ALICE_ELSEWHERE)] == others
    with pytest.raises(NotFound):
        studio.profile()
    assert studio.profile(BOB).usable
    studio.work()
    assert objects_of(studio, ALICE) == []


def test_it_leaves_its_own_row_in_the_audit(studio):
    lived_in(studio, ALICE, "alice")
    receipt = erase(studio)
    with studio.database.read() as connection:
        row = connection.execute(sa.select(audit).where(audit.c.action == "user_erased")).one()
    assert (row.subject, row.user_id, row.detail) == (receipt.erasure_id, "alice", {"counts": receipt.counts})


def test_a_user_of_whom_there_is_nothing_is_erased_too(studio):
    receipt = erase(studio)
    assert (receipt.complete, receipt.voice, set(receipt.counts.values())) == (True, None, {0})


def test_a_running_job_is_cancelled_and_its_worker_leaves_nothing(studio):
    studio.submit("alice", "good morning", voice="stock")
    worker = studio.worker()
    items = worker._claims.claim({"hear": 8})

    receipt = erase(studio)
    worker._run(items)

    assert (receipt.counts["jobs_cancelled"], receipt.complete) == (1, True)
    assert rows_of(studio, ALICE) == {}
    assert objects_of(studio, ALICE) == []


def test_a_phrase_that_too_few_are_left_to_have_said_leaves_the_library(bench):
    say(bench, "see you at the fountain", *(user(number) for number in range(bench.settings.phrases_owners)))
    with bench.rows() as rows:
        assert rows.scalar(sa.select(sa.func.count()).select_from(phrases)) == 1

    receipt = erase_user(bench.database, bench.objects, bench.settings, None, user(0))

    assert receipt.counts["phrases_withdrawn"] == 1
    with bench.rows() as rows:
        assert rows.scalar(sa.select(sa.func.count()).select_from(phrases)) == 0


class Away(FolderStore):
    """Deletes nothing."""

    def delete(self, name: str) -> None:
        raise StorageUnavailable


def test_what_could_not_be_deleted_is_deleted_when_it_is_asked_for_again(studio, tmp_path):
    lived_in(studio, ALICE, "alice")
    settings = studio.bench.settings
    first = erase_user(studio.database, Away(tmp_path / "objects"), settings, None, ALICE)
    assert not first.complete
    assert rows_of(studio, ALICE) == {}
    assert {name.split("/")[0] for name in objects_of(studio, ALICE)} >= {"pcm", "voice", "speech", "result"}

    assert erase(studio).complete
    assert objects_of(studio, ALICE) == []


class Busy(FolderStore):
    """Somebody does something while the first object is deleted."""

    meanwhile = None

    def delete(self, name: str) -> None:
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        super().delete(name)


def test_a_job_that_is_accepted_meanwhile_stays(studio, tmp_path):
    studio.translated("alice", "good morning", voice="stock")
    store = Busy(tmp_path / "objects")

    def goes_on():
        studio.clock.advance(1.0)
        came.append(studio.submit("alice", "good evening", voice="stock"))

    came: list = []
    store.meanwhile = goes_on
    receipt = erase_user(studio.database, store, studio.bench.settings, None, ALICE)

    studio.work()
    assert receipt.counts["jobs"] == 1
    job = studio.bench.get(came[0])
    assert (job.state, bool(studio.objects.get(job.targets[0].spoken.object))) == ("done", True)


def test_many_jobs_take_several_calls(studio, monkeypatch):
    monkeypatch.setattr(user_erasure, "JOBS_AT_ONCE", 2)
    for number in range(3):
        studio.translated("alice", f"note {number}", voice="stock")
    assert not erase(studio).complete
    assert erase(studio).complete
    assert rows_of(studio, ALICE) == {}


def test_the_command_erases_by_names_and_shows_what_it_was(tmp_path):
    settings, run = Settings(data_dir=tmp_path), CliRunner().invoke
    run(keys, ["create", "messenger"], obj=settings)
    erased = run(users, ["erase", "messenger", "alice", "--yes", "--json"], obj=settings)
    assert json.loads(erased.stdout)["complete"] is True
    assert run(users, ["erase", "messenger", "alice"], obj=settings, input="n\n").exit_code == 1
    assert "events" in run(users, ["erase", "messenger", "alice"], obj=settings, input="y\n").stdout
    unknown = run(users, ["erase", "nobody", "alice", "--yes"], obj=settings)
    assert (unknown.exit_code, "There is no application 'nobody'" in unknown.stderr) == (1, True)
