"""Erasing everything of one user: voice profile, jobs with their objects, kept answers, phrase counts, events.

Each step is a transaction of its own, in an order in which nothing comes back: the voice first, since its erasure
cancels what speaks with it; then job by job; then what outlives jobs. Whoever is cut off begins again, and finds less
to do. A job that is accepted after it began stays.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress

import msgspec
import sqlalchemy as sa

from appliance.cache.answers import forget_owner
from appliance.cache.interface import Cache
from appliance.cache.keys import owner_digest
from appliance.cache.kinds import Kind
from appliance.cache.library import LIBRARY
from appliance.cache.library import forget_owner as forget_phrases_of
from appliance.cache.purges import WHOLE_OWNER, forget_purged, note_purge
from appliance.errors import AlreadyFinished, NotFound, StorageUnavailable
from appliance.jobs.cancel import cancel_job, delete_job, object_needed
from appliance.jobs.events import forget_events_of_owner
from appliance.jobs.items import new_id
from appliance.jobs.locks import hold_names
from appliance.jobs.retried import retries_of
from appliance.jobs.states import OPEN_JOB
from appliance.owner import Owner
from appliance.profiles.erasure import ErasureReceipt, erase_profile
from appliance.settings import Settings
from appliance.storage.audit import record
from appliance.storage.database import Database
from appliance.storage.objects import ObjectStore, StoredObject
from appliance.storage.tables import jobs, targets
from appliance.voices.profile_rows import profile_by_id

JOBS_AT_ONCE = 1000
"""Of one call, which somebody waits for."""
JUST_STORED_S = 60.0
"""An object is stored before the row that names it: a young one without a row may be an upload of this moment."""


class UserErasure(msgspec.Struct, frozen=True, kw_only=True):
    """That everything of a user was erased: what is kept of it."""

    erasure_id: str
    erased_s: float
    counts: dict[str, int]
    """How many of each kind were erased, besides those in the voice profile's receipt."""
    voice: ErasureReceipt | None
    """The receipt of the voice profile; None where there was none."""
    complete: bool
    """Whether nothing is left; if not, the call has to be repeated."""


def erase_user(
    database: Database, objects: ObjectStore, settings: Settings, cache: Cache | None, owner: Owner
) -> UserErasure:
    """Erase what is there of a user at this moment, at most so many jobs at once, and return the receipt.

    StorageUnavailable where the database is away: what was done until then stays done.
    """
    with database.read() as connection:
        began_s = database.now_s(connection)
    voice = erase_profile(database, objects, owner, "asked")
    found: list[sa.Row] = []
    gone: list[bool] = []
    first = these = _jobs_of(database, owner, began_s)
    while these:
        found += these
        gone += [_erase_job(database, objects, owner, row) for row in these]
        # What an operator took up meanwhile is the same recording once more, under an id that nobody had asked for.
        these = _retries_of(database, owner, [row.id for row in these])
    counts = {"jobs": len(found), "jobs_cancelled": sum(row.state in OPEN_JOB for row in found)}
    erasure_id = new_id("erasure")
    with database.write() as connection:
        now_s = database.now_s(connection)
        # Whoever lets the library grow holds this too: what it counted of jobs that were still there goes as well.
        hold_names(connection, [LIBRARY])
        counts["phrases_withdrawn"] = forget_phrases_of(connection, owner, settings.phrases_owners)
        counts["cached_answers"] = forget_owner(connection, owner, tuple(Kind))
        counts["events"] = forget_events_of_owner(connection, owner)
        # In this order, as whoever deletes a job: answers, events, the number.
        hold_names(connection, ["purges"])
        note_purge(connection, owner, WHOLE_OWNER, (), now_s)
        record(connection, owner, "user_erased", erasure_id, now_s, counts=counts)
    complete = all([
        all(gone), len(first) < JOBS_AT_ONCE, voice is None or voice.complete,
        _swept(database, objects, owner, now_s), _forgotten(database, cache), database.forget_deleted(),
    ])  # fmt: skip
    return UserErasure(erasure_id=erasure_id, erased_s=now_s, counts=counts, voice=voice, complete=complete)


def _jobs_of(database: Database, owner: Owner, until_s: float) -> Sequence[sa.Row]:
    mine = (jobs.c.application_id == owner.application_id, jobs.c.user_id == owner.user_id)
    oldest = sa.select(jobs.c.id, jobs.c.state).where(*mine, jobs.c.accepted_s <= until_s).order_by(jobs.c.accepted_s)
    with database.read() as connection:
        return connection.execute(oldest.limit(JOBS_AT_ONCE)).all()


def _retries_of(database: Database, owner: Owner, job_ids: Sequence[str]) -> Sequence[sa.Row]:
    with database.read() as connection:
        return retries_of(connection, owner, job_ids)


def _erase_job(database: Database, objects: ObjectStore, owner: Owner, row: sa.Row) -> bool:
    """Cancel and delete a job, and return whether all of it is gone."""
    try:
        if row.state in OPEN_JOB:
            with suppress(AlreadyFinished):
                cancel_job(database, owner, row.id)
        delete_job(database, objects, owner, row.id)
    except NotFound:
        return True  # somebody else was faster
    except StorageUnavailable:
        return False
    return True


def _swept(database: Database, objects: ObjectStore, owner: Owner, now_s: float) -> bool:
    """Delete the owner's objects that no row names, and return whether none is left."""
    left = 0
    try:
        for entry in [*_stored(objects, owner)]:
            with database.read() as connection:
                unneeded = not _is_needed(connection, owner, entry.name)
            if unneeded and entry.modified_s < now_s - JUST_STORED_S:
                objects.delete(entry.name)
            else:
                left += unneeded
    except StorageUnavailable:
        return False
    return left == 0


def _stored(objects: ObjectStore, owner: Owner) -> Iterator[StoredObject]:
    for kind in ("pcm/", "speech/", "result/", "voice/"):
        yield from objects.entries(f"{kind}{owner_digest(owner)}/")


def _is_needed(connection: sa.Connection, owner: Owner, name: str) -> bool:
    kind, _, *folders, last = name.split("/")
    if kind == "voice":
        return profile_by_id(connection, folders[0]) is not None
    # A reading's name begins with its target.
    of_target = sa.select(targets.c.id).where(targets.c.id == last.split("-", 1)[0])
    return object_needed(connection, owner, name) or connection.scalar(of_target) is not None


def _forgotten(database: Database, cache: Cache | None) -> bool:
    """Let a cache beside the database forget; housekeeping asks again where it is away."""
    if cache is None or not cache.beside:
        return True
    try:
        forget_purged(database, cache)
    except StorageUnavailable:
        return False
    return True
