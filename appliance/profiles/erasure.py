"""Erasing a profile: its key first of all that counts, then everything that was made with it, and a receipt.

What rows can undo is one transaction, which leaves a tombstone with the names of all objects that are still to go. They
go at once; a process that dies in between leaves the tombstone, and housekeeping finishes from it. It also looks a
second time: a worker that was speaking in the voice at that moment may store its last reading afterwards.
"""

from collections.abc import Callable, Mapping
from typing import Literal

import msgspec
import sqlalchemy as sa

from appliance.cache.answers import forget_jobs, forget_owner, values_of
from appliance.cache.keys import owner_digest
from appliance.cache.kinds import Kind
from appliance.cache.purges import WHOLE_OWNER, note_purge
from appliance.errors import StorageUnavailable
from appliance.jobs.documents import Spoken
from appliance.jobs.endings import cancel_targets_of_jobs
from appliance.jobs.items import new_id
from appliance.jobs.locks import hold_jobs, hold_names
from appliance.jobs.readings import kept_bytes
from appliance.jobs.states import OPEN_JOB
from appliance.owner import Owner
from appliance.profiles.folder import folder_of, profile_digest
from appliance.storage.audit import record
from appliance.storage.database import Database
from appliance.storage.objects import ObjectStore
from appliance.storage.sets import among, update_rows
from appliance.storage.tables import jobs, targets
from appliance.storage.voice_tables import (
    voice_conditionings,
    voice_profiles,
    voice_samples,
    voice_tombstones,
    voice_versions,
)
from appliance.voices.profile_rows import owner_of, profile_of

Reason = Literal["asked", "expired", "restored"]
_SPOKEN = (Kind.AUDIO, Kind.AHEAD)
"""Kept answers that hold somebody's voice, or name it."""
AHEAD = "ahead-"
"""What names of phrases that were spoken ahead begin with, in their owner's folder."""
TOMBSTONES = "tombstone/"
"""Objects too: a database that is restored from before an erasure knows nothing of it."""


class ErasureReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """That a profile was erased: what is kept of it."""

    tombstone_id: str
    erased_s: float
    counts: dict[str, int]
    """How many of each kind were erased."""
    complete: bool
    """Whether every object is gone; if not, housekeeping finishes it."""


class Tombstone(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of an erased profile, in the database and beside it."""

    id: str
    owner_digest: str
    profile_digest: str
    reason: Reason
    erased_s: float
    counts: dict[str, int]


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """What of an erasure is still to do."""

    objects: tuple[str, ...]
    folder: str
    """What the names of the profile's own objects start with."""
    results_folder: str
    """The owner's part of the names of readings and results."""
    targets: tuple[str, ...]
    """Languages of jobs whose readings and results go, whenever they are stored."""


def erase_profile(
    database: Database,
    objects: ObjectStore,
    owner: Owner,
    reason: Reason,
    condition: Callable[[sa.Connection, sa.Row], bool] = lambda connection, profile: True,
) -> ErasureReceipt | None:
    """Erase the owner's profile with all that was made from it and return the receipt; None where there is none.

    `condition` is asked once the profile is held, with its row: where it does not hold, nothing happens.
    """
    with database.write() as connection:
        profile = profile_of(connection, owner, lock="change")
        if profile is None or not condition(connection, profile):
            return None
        tombstone, pending = _erase_rows(connection, profile, reason, database.now_s(connection))
    try:
        complete = finish_erasure(database, objects, tombstone, pending)
    except StorageUnavailable:
        # What rows could undo is undone; housekeeping deletes the objects when the store is back.
        complete = False
    return ErasureReceipt(
        tombstone_id=tombstone.id, erased_s=tombstone.erased_s, counts=tombstone.counts, complete=complete
    )  # fmt: skip


def finish_erasure(database: Database, objects: ObjectStore, tombstone: Tombstone, pending: Pending) -> bool:
    """Delete what is still to go, and return whether nothing of it is left, in files of the database either."""
    for name in pending.objects:
        objects.delete(name)
    for name in _stragglers(objects, pending):
        objects.delete(name)
    objects.put(f"{TOMBSTONES}{tombstone.id}", msgspec.json.encode(tombstone))
    return database.forget_deleted() and not _stragglers(objects, pending)


def _erase_rows(connection: sa.Connection, profile: sa.Row, reason: Reason, now_s: float) -> tuple[Tombstone, Pending]:
    owner = owner_of(profile)
    used = sa.select(jobs.c.id).where(jobs.c.voice_profile_id == profile.id)
    # All of them first, in their order: those that have ended are written too, and an owner who deletes one holds it.
    hold_jobs(connection, connection.scalars(used).all())
    open_ones = connection.scalars(used.where(jobs.c.state.in_(OPEN_JOB))).all()
    cancel_targets_of_jobs(connection, open_ones, now_s)
    readings, results, languages, audio = _take_out_results(connection, used)
    ahead = {value["object"] for value in values_of(connection, owner, Kind.AHEAD)}
    samples = connection.scalars(sa.select(voice_samples.c.object).where(voice_samples.c.profile_id == profile.id))
    of_samples = samples.all()
    counts = {
        "jobs_cancelled": len(open_ones),
        "results": len(results),
        "samples": len(of_samples),
        "versions": _count(connection, voice_versions, profile),
        "conditionings": _count(connection, voice_conditionings, profile),
        "cached_answers": forget_jobs(connection, used) + forget_owner(connection, owner, _SPOKEN),
        "keys": 1,
        "consents": 1,
    }
    # Last of what is held: one at a time, so that their numbers are in the order of their commits, since the edge asks
    # for what came after one; and after the answers, as whoever deletes a job holds both.
    hold_names(connection, ["purges"])
    note_purge(connection, owner, WHOLE_OWNER, audio, now_s)
    pending = Pending(
        # Of a sample that was refused, nothing is left but its row.
        objects=(profile.key_object, *filter(None, of_samples), *readings, *results, *ahead),
        folder=folder_of(owner, profile.id),
        results_folder=owner_digest(owner),
        targets=tuple(languages),
    )
    # Samples with their work, versions and conditionings go with it.
    connection.execute(sa.delete(voice_profiles).where(voice_profiles.c.id == profile.id))
    tombstone = Tombstone(
        id=new_id("tomb"),
        owner_digest=owner_digest(owner),
        profile_digest=profile_digest(profile.id),
        reason=reason,
        erased_s=now_s,
        counts=counts,
    )
    columns = msgspec.to_builtins(tombstone) | {"pending": msgspec.to_builtins(pending)}
    connection.execute(sa.insert(voice_tombstones).values(**columns))
    record(connection, owner, "voice_profile_erased", tombstone.id, now_s, reason=reason, counts=counts)
    return tombstone, pending


def _take_out_results(
    connection: sa.Connection, used: sa.Select
) -> tuple[set[str], set[str], list[str], set[str]]:  # fmt: skip
    """Take readings, and results that the profile spoke, out of jobs.

    Returns the names of both kinds of objects, the languages that keep no audio (whatever a worker stores for one of
    them later goes too), and the SHA-256 of the results, by which caches in front know them. Followers and cached
    languages name the objects of those that they took them from.
    """
    rows = connection.execute(
        sa.select(targets.c.id, targets.c.job_id, targets.c.spoken, targets.c.progress, targets.c.cached)
        .where(targets.c.job_id.in_(used))
        .order_by(targets.c.id)
    ).all()
    readings: set[str] = set()
    results: set[str] = set()
    audio: set[str] = set()
    silent: list[str] = []
    freed: dict[str, int] = {}
    changes = []
    for row in rows:
        readings |= {reading["object"] for reading in (row.progress or {}).get("readings", ())}
        spoken = None if row.spoken is None else msgspec.convert(row.spoken, Spoken)
        if spoken is None or spoken.by_profile:
            silent.append(row.id)
        freed_bytes = kept_bytes(row.progress) if spoken is not None else 0
        if spoken is not None and spoken.by_profile and not spoken.erased:
            results.add(spoken.object)
            audio.add(spoken.sha256)
            freed_bytes += 0 if row.cached else spoken.size_bytes
            spoken = msgspec.structs.replace(spoken, object="", sha256="", size_bytes=0, erased=True)
        freed[row.job_id] = freed.get(row.job_id, 0) + freed_bytes
        changes.append({"id": row.id, "spoken": spoken, "progress": None})
    update_rows(connection, targets, changes)
    _free(connection, freed)
    return readings, results, silent, audio


def _free(connection: sa.Connection, freed: Mapping[str, int]) -> None:
    """Take the bytes of erased results and readings off what jobs hold."""
    held = connection.execute(
        sa.select(jobs.c.id, jobs.c.stored_bytes).where(among(connection, jobs.c.id, list(freed)))
    )
    rows = [{"id": row.id, "stored_bytes": max(0, row.stored_bytes - freed[row.id])} for row in held.all()]
    update_rows(connection, jobs, rows)


def _stragglers(objects: ObjectStore, pending: Pending) -> list[str]:
    """Return what there is in the profile's folder and of the languages that keep no audio."""
    found = [entry.name for entry in objects.entries(pending.folder)]
    # Whoever was speaking ahead may have died between an object and its row, or its row was over before the object.
    found += [entry.name for entry in objects.entries(f"speech/{pending.results_folder}/{AHEAD}")]
    languages = set(pending.targets)
    for kind in ("speech/", "result/") if languages else ():
        for entry in objects.entries(f"{kind}{pending.results_folder}/"):
            if entry.name.rsplit("/", 1)[-1].split("-", 1)[0] in languages:
                found.append(entry.name)
    return found


def _count(connection: sa.Connection, table: sa.Table, profile: sa.Row) -> int:
    query = sa.select(sa.func.count()).select_from(table).where(table.c.profile_id == profile.id)
    return connection.scalar(query) or 0
