"""Objects that no row names: of uploads whose process died before the job was accepted, of deletions that were cut off.

An object is stored before the row that names it, so a young one may be about to be named; only old ones are looked at.
And finished audio is named by its language and content: a worker that takes the language over may store the same again
at this moment under the name that is about to go. So its age is asked for once more directly before it is deleted.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import sqlalchemy as sa

from appliance import notify
from appliance.housekeeping.house import House, Outcome
from appliance.storage.database import Database
from appliance.storage.objects import StoredObject
from appliance.storage.site import set_site_value, site_value
from appliance.storage.tables import cached_answers, jobs, targets
from appliance.storage.trial import TRIALS
from appliance.storage.voice_tables import voice_profiles, voice_samples

OLDER_THAN_S = 3600.0
"""Far longer than from storing an object to the commit that names it, and than clocks of two machines may differ."""
LOOK_AT_ONCE = 20_000
"""Names compared with all rows at once: bounds the memory, about 4 MB."""
DELETE_AT_ONCE = 1000
ROWS_AT_ONCE = 1000
SPARED_S = 86_400.0
"""How long nothing is deleted that a new or a restored database does not name, unless somebody says otherwise."""
_SPARED_UNTIL_S = "orphan_objects_spared_until_s"
KINDS = ("pcm/", "speech/", "result/", "voice/", TRIALS)
"""What this appliance stores; anything else in the store is somebody else's and is left alone."""


def spare_orphans(database: Database, for_s: float = SPARED_S) -> float:
    """Have none deleted for so many seconds, and return until when; a database that was restored names fewer."""
    with database.write() as connection:
        now_s = database.now_s(connection)
        set_site_value(connection, _SPARED_UNTIL_S, now_s + for_s, now_s)
    return now_s + for_s


def delete_orphans(house: House) -> Outcome:
    """Delete objects that are older than an hour and that no row names, unless they are spared."""
    found = done = 0
    with house.database.read() as connection:
        now_s = house.database.now_s(connection)
        spared = now_s < (site_value(connection, _SPARED_UNTIL_S) or 0.0)
    before_s = now_s - OLDER_THAN_S
    for kind in KINDS:
        entries = notify.alive_through(house.objects.entries(kind))
        old = (entry for entry in entries if entry.modified_s < before_s)
        while batch := list(islice(old, LOOK_AT_ONCE)):
            orphans = _unnamed(house, kind, batch)
            found += len(orphans)
            if not house.dry_run and not spared:
                going = notify.alive_through(orphans[: DELETE_AT_ONCE - done])
                done += sum(_delete(house, name, before_s) for name in going)
    return Outcome(found=found, done=done)


def _unnamed(house: House, kind: str, batch: Sequence[StoredObject]) -> list[str]:
    unnamed = {entry.name for entry in batch}
    with house.database.read(cursors=True) as connection:
        unnamed.difference_update(_named(connection, kind))
    return sorted(unnamed)


def _named(connection: sa.Connection, kind: str) -> Iterator[str]:
    """Yield every name of a kind that a row holds, some of them more than once."""
    if kind == "pcm/":
        yield from _each(connection, sa.select(jobs.c.audio["pcm"].as_string()))
    elif kind == "result/":
        yield from _each(connection, sa.select(targets.c.spoken["object"].as_string()))
        kept = sa.select(cached_answers.c.value["spoken"]["object"].as_string())
        yield from _each(connection, kept.where(cached_answers.c.kind == "result"))
    elif kind == "voice/":
        yield from _each(connection, sa.select(voice_profiles.c.key_object))
        yield from _each(connection, sa.select(voice_samples.c.object))
    elif kind == "speech/":
        for readings in _each(connection, sa.select(targets.c.progress["readings"])):
            yield from (reading["object"] for reading in readings)
        spoken_ahead = sa.select(cached_answers.c.value["object"].as_string())
        yield from _each(connection, spoken_ahead.where(cached_answers.c.kind == "ahead"))


def _each(connection: sa.Connection, query: sa.Select) -> Iterable:
    """Yield a column's values that are there, fetched block by block."""
    rows = connection.execution_options(yield_per=ROWS_AT_ONCE).execute(query)
    return (value for value in notify.alive_through(rows.scalars()) if value)


def _delete(house: House, name: str, before_s: float) -> int:
    now = next((entry for entry in house.objects.entries(name) if entry.name == name), None)
    if now is None or now.modified_s >= before_s:
        return 0
    house.objects.delete(name)
    return 1
