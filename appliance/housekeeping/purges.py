"""Erasures that a cache beside the database has not confirmed yet, and those that every cache has outlived."""

from contextlib import closing

import sqlalchemy as sa

from appliance.cache.opening import open_cache
from appliance.cache.purges import forget_old_purges, forget_purged
from appliance.housekeeping.ended_jobs import count
from appliance.housekeeping.house import House, Outcome
from appliance.storage.tables import purges


def settle_purges(house: House) -> Outcome:
    """Let the cache forget what was erased while it was away; StorageUnavailable while it still is."""
    keep_s = max(house.settings.audio_ttl_s, house.settings.phrase_audio_ttl_s)
    with house.database.read() as connection:
        before_s = house.database.now_s(connection) - keep_s
        open_ones = count(connection, sa.select(purges.c.id).where(sa.not_(purges.c.forgotten)))
        old = count(connection, sa.select(purges.c.id).where(purges.c.forgotten, purges.c.at_s < before_s))
    done = 0
    if open_ones and not house.dry_run:
        with closing(open_cache(house.settings, house.database)) as cache:
            done = forget_purged(house.database, cache)
    with house.transaction() as connection:
        # Those that the cache has just forgotten go with the others where they are as old: they are counted already.
        forget_old_purges(connection, before_s)
    return Outcome(found=open_ones + old, done=0 if house.dry_run else done + old)
