"""Erasing a profile: nothing of the voice is left anywhere, whoever is speaking at that moment, and for ever."""

import logging
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from appliance.audio.pcm import pcm_of
from appliance.errors import NotFound
from appliance.housekeeping.house import House
from appliance.housekeeping.voice_profiles import (
    ABANDONED_S,
    SETTLED_LEASES,
    expire_profiles,
    finish_erasures,
    replay_tombstones,
)
from appliance.jobs.cancel import delete_job
from appliance.owner import Owner
from appliance.profiles.ceremony import CHALLENGE_S
from appliance.stages.versions import version_embedding
from appliance.storage.schema import metadata
from appliance.storage.tables import cached_answers, jobs, targets
from appliance.storage.voice_tables import (
    voice_conditionings,
    voice_profiles,
    voice_samples,
    voice_tombstones,
    voice_versions,
)
from appliance.testing.speakers import spoken_by
from appliance.voices.profile_rows import profile_of
from tests.jobs.studio import ALICE, Studio, voice_of

BOB = Owner("app", "bob")


def test_erasure_takes_everything_and_gives_a_receipt(studio):
    studio.enrolled()
    studio.judged(ALICE, "alice", "sample 1")
    done = studio.translated("alice", "good morning")
    waiting = studio.submit("alice", "good evening")
    studio.send(ALICE, "alice", "sample 2")

    receipt = studio.erase()

    assert receipt.complete
    assert receipt.counts == {
        "jobs_cancelled": 1, "results": 1, "samples": 3, "versions": 2, "conditionings": 1,
        "cached_answers": receipt.counts["cached_answers"], "keys": 1, "consents": 1,
    }  # fmt: skip
    assert receipt.counts["cached_answers"] > 0
    for table in (voice_profiles, voice_samples, voice_versions, voice_conditionings, cached_answers):
        assert studio.count(table) == 0, table.name
    assert studio.bench.get(waiting).state == "cancelled"
    target = studio.bench.get(done).targets[0]
    assert (target.spoken.erased, target.spoken.object, target.spoken.sha256) == (True, "", "")
    assert target.translation["text"] == "fr:good morning"
    left = studio.bench.stored()
    assert [name for name in left if name.startswith(("voice/", "speech/", "result/"))] == []
    assert [name for name in left if name.startswith("tombstone/")] == [f"tombstone/{receipt.tombstone_id}"]
    with pytest.raises(NotFound):
        studio.profile()
    assert studio.erase() is None
    assert studio.work() == 0


def test_samples_that_were_refused_or_set_aside_do_not_stand_in_its_way(studio):
    studio.enrolled()
    studio.judged(ALICE, "mallory", "it is me, alice")
    studio.clock.advance(1.0)
    studio.judged(ALICE, "alice, bright", "sample 1")
    assert studio.judged(ALICE, "alice, hoarse", "sample 2").state == "set_aside"

    receipt = studio.erase()

    assert (receipt.complete, receipt.counts["samples"]) == (True, 4)
    assert [name for name in studio.bench.stored() if name.startswith("voice/")] == []


def test_what_the_profile_did_not_speak_stays(studio):
    studio.enrolled()
    job = studio.translated("bob", "good morning", consent=True)
    stock = studio.translated("alice", "good evening", voice="stock")
    studio.enrolled(BOB, "bob")
    bobs = studio.translated("bob", "good night", owner=BOB)

    studio.erase()

    for each in (job, stock, bobs):
        spoken = studio.bench.get(each).targets[0].spoken
        assert not spoken.erased
        assert studio.objects.get(spoken.object)
    assert studio.profile(BOB).usable


def test_an_answer_that_was_kept_is_gone_everywhere(studio):
    studio.enrolled()
    first = studio.translated("alice", "good morning")
    again = studio.translated("alice", "good morning")
    assert again.targets[0].cached
    studio.erase()
    assert studio.bench.get(first).targets[0].spoken.erased
    assert studio.bench.get(again).targets[0].spoken.erased
    fresh = studio.translated("alice", "good morning")
    assert (voice_of(fresh)["kind"], fresh.targets[0].cached) == ("stock", False)


def test_a_deleted_job_after_an_erasure_is_deleted(studio):
    studio.enrolled()
    job = studio.translated("alice", "good morning")
    studio.erase()
    delete_job(studio.database, studio.objects, ALICE, job.id)
    assert studio.count(jobs) == 0


def test_a_new_profile_begins_anew(studio):
    before = studio.enrolled()
    studio.judged(ALICE, "alice", "sample 1")
    studio.translated("alice", "good morning")
    studio.erase()
    after = studio.enrolled()
    assert (after.version, after.profile_id != before.profile_id) == (1, True)
    job = studio.translated("alice", "good evening")
    assert voice_of(job)["profile_version"] == 1
    assert len(studio.synthesizer.matched) == 2


def test_a_profile_goes_with_its_consent(studio, house):
    studio.enrolled(valid_s=1000.0)
    studio.ask(BOB)
    studio.clock.advance(1001)
    assert expire_profiles(House(house.database, house.objects, house.settings, dry_run=True)).found == 1
    assert studio.count(voice_profiles) == 2
    expire_profiles(house)
    assert studio.count(voice_profiles) == 1
    studio.clock.advance(CHALLENGE_S + ABANDONED_S)
    expire_profiles(house)
    assert studio.count(voice_profiles) == 0
    with studio.database.read() as connection:
        assert set(connection.scalars(sa.select(voice_tombstones.c.reason))) == {"expired"}


def test_a_restored_backup_is_erased_again(studio, house):
    """Database and objects come back as they were before the erasure; only the tombstone's object is newer."""
    studio.enrolled()
    job = studio.translated("alice", "good morning")
    names = studio.bench.stored()
    objects = {name: studio.objects.get(name) for name in names}
    with studio.database.read() as connection:
        tables = [table for table in metadata.sorted_tables if connection.execute(table.select()).first()]
        rows = {table: [dict(row._mapping) for row in connection.execute(table.select())] for table in tables}
    studio.erase()
    with studio.database.write() as connection:
        for table in reversed(metadata.sorted_tables):
            if table.name != "site":
                connection.execute(table.delete())
        for table in tables:
            if table.name != "site":
                connection.execute(table.insert(), rows[table])
    for name, content in objects.items():
        studio.objects.put(name, content)
    assert studio.profile().usable

    assert replay_tombstones(House(house.database, house.objects, house.settings, dry_run=True)).found == 1
    assert studio.profile().usable
    assert replay_tombstones(house).done == 1

    with pytest.raises(NotFound):
        studio.profile()
    assert studio.bench.get(job).targets[0].spoken.erased
    assert [name for name in studio.bench.stored() if name.startswith(("voice/", "result/"))] == []
    assert replay_tombstones(house).found == 0


def test_no_planted_byte_is_left(studio, house, tmp_path, caplog, request):
    """Canaries of every kind are found before the erasure where they may be, and nowhere afterwards."""
    caplog.set_level(logging.DEBUG)
    subject, purpose = "Canary Subject Quetzal", "canary purpose zephyranthes"
    asked = studio.ask(subject=subject, purpose=purpose)
    studio.read()
    studio.judged(ALICE, "alice", "sample 1")
    job = studio.translated("alice", "good morning")
    spoken = studio.bench.get(job).targets[0].spoken
    with studio.database.read() as connection:
        profile = profile_of(connection, ALICE)
        key = studio.vault.key(ALICE, profile.id, profile.key_object)
        embedding = version_embedding(connection, profile, key, profile.version)
        sealed = connection.execute(
            sa.select(voice_profiles.c.consent, voice_versions.c.embedding, voice_conditionings.c.voice)
            .join(voice_versions, voice_versions.c.profile_id == voice_profiles.c.id)
            .join(voice_conditionings, voice_conditionings.c.profile_id == voice_profiles.c.id)
        ).first()
    wrapped_key = studio.objects.get(profile.key_object)
    sample = next(name for name in studio.bench.stored() if "/sample_" in name)
    readable = {
        "subject": subject.encode(),
        "purpose": purpose.encode(),
        "statement": asked.challenge.statement.encode()[:60],
        "phrase": asked.challenge.phrase.encode(),
        "sample audio": pcm_of(spoken_by("sample 1", "alice", 12.0))[4000:4200],
        "embedding": np.ascontiguousarray(embedding, dtype="<f4").tobytes()[:64],
    }
    stored = {
        "wrapped key": wrapped_key,
        "sealed sample": studio.objects.get(sample)[:64],
        "result audio": studio.objects.get(spoken.object)[-400:],
    }
    boxes = {"sealed consent": sealed.consent[:48], "sealed embedding": sealed.embedding[:48],
             "sealed voice": sealed.voice[:48]}  # fmt: skip
    everywhere = _Everywhere(studio, tmp_path, caplog, request)
    assert everywhere.hits(readable) == {}
    assert everywhere.hits(stored).keys() == stored.keys()

    receipt = studio.erase()

    assert receipt.complete
    # What is still to be deleted is known by names, and a result's holds its hash: housekeeping ends that soon.
    assert everywhere.hits({**readable, **{kind: stored[kind] for kind in ("wrapped key", "result audio")}}) == {}
    studio.clock.advance(SETTLED_LEASES * house.settings.lease_s + 1)
    finish_erasures(house)
    # PostgreSQL overwrites the boxes of deleted rows when it vacuums; without their key they say nothing.
    wanted = readable | stored | (boxes if studio.database.is_sqlite else {})
    assert everywhere.hits(wanted) == {}


class _Everywhere:
    """All files of the database, the objects, the temporary folder, and the log."""

    def __init__(self, studio: Studio, tmp_path: Path, caplog, request) -> None:
        self._studio, self._folders, self._caplog = studio, [tmp_path], caplog
        if not studio.database.is_sqlite:
            with studio.database.read() as connection:
                self._folders.append(Path(connection.scalar(sa.text("SHOW data_directory"))))

    def hits(self, canaries: dict[str, bytes]) -> dict[str, list[str]]:
        if not self._studio.database.is_sqlite:
            self._checkpoint()
        found: dict[str, list[str]] = {}
        for folder in self._folders:
            for path in folder.rglob("*"):
                with suppress(OSError):
                    content = path.read_bytes() if path.is_file() else b""
                    for name, canary in canaries.items():
                        if canary in content:
                            found.setdefault(name, []).append(path.name)
        log = self._caplog.text.encode()
        for name, canary in canaries.items():
            if canary in log:
                found.setdefault(name, []).append("log")
        return found

    def _checkpoint(self) -> None:
        with self._studio.database.engine.connect() as connection:
            connection = connection.execution_options(isolation_level="AUTOCOMMIT")
            connection.execute(sa.text("CHECKPOINT"))


def test_secure_delete_is_in_force_on_every_connection(studio):
    if not studio.database.is_sqlite:
        pytest.skip("PostgreSQL has no such pragma")
    with studio.database.read() as connection:
        assert connection.scalar(sa.text("PRAGMA secure_delete")) == 1


def test_the_owner_gets_the_bytes_of_the_audio_back(studio):
    studio.enrolled()
    job = studio.translated("alice", "good morning")
    with studio.database.read() as connection:
        held_bytes = connection.scalar(sa.select(jobs.c.stored_bytes))
        (reading,) = connection.scalar(sa.select(targets.c.progress))["readings"]
    spoken = job.targets[0].spoken
    assert held_bytes == job.audio.recording_bytes + spoken.size_bytes + reading["kept_bytes"]
    assert reading["kept_bytes"] > 0

    studio.erase()

    with studio.database.read() as connection:
        assert connection.scalar(sa.select(jobs.c.stored_bytes)) == job.audio.recording_bytes
