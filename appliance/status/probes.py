"""Whether the parts that the appliance stands on answer, and what to do where one does not."""

import os
import shutil
import time
from collections.abc import Callable
from typing import Literal

import msgspec
import sqlalchemy as sa

from appliance.errors import MeeshyError
from appliance.settings import Settings
from appliance.storage.database import Database
from appliance.storage.objects import ObjectStore

REDIS_S = 1.0
LOW_FACTOR = 2
"""A disk with less than twice the reserve free is told before writing stops."""


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """How one part is."""

    state: Literal["ok", "low", "away", "unused"]
    says: str
    do: str = ""
    """What to do about it; empty where nothing has to be done."""


def database_health(database: Database) -> Health:
    """Ask the database for nothing at all."""
    began_s = time.monotonic()
    try:
        with database.read() as connection:
            connection.execute(sa.select(1))
    except MeeshyError as away:
        return Health(
            state="away", says=away.detail, do="Start it, or mend the way to it; everything goes on by itself then."
        )
    kind = "SQLite" if database.is_sqlite else "PostgreSQL"
    return Health(state="ok", says=f"{kind} answers in {(time.monotonic() - began_s) * 1000:.0f} ms")


def redis_health(settings: Settings) -> Health:
    """Ask Redis, where the site has one."""
    if not settings.redis_url:
        return Health(state="unused", says="no MEESHY_REDIS_URL; workers look for work by themselves")
    # Here and not above: an appliance of one machine has no Redis.
    import redis

    try:
        with redis.Redis.from_url(
            settings.redis_url, socket_connect_timeout=REDIS_S, socket_timeout=REDIS_S
        ) as client:  # fmt: skip
            client.ping()
    except redis.RedisError:
        return Health(
            state="away",
            says="Redis does not answer; work waits for the workers' next look",
            do="Start Redis. Nothing is lost; until then each step takes up to MEESHY_POLL_S longer.",
        )
    return Health(state="ok", says="answers")


def store_health(objects: Callable[[], ObjectStore]) -> Health:
    """Ask whether objects can be written."""
    try:
        objects().require_writable()
    except MeeshyError as away:
        return Health(
            state="away", says=away.detail, do="Start the object store or free some space; work goes on by itself then."
        )
    return Health(state="ok", says="takes writes")


def disk_health(settings: Settings) -> Health:
    """Look at the data folder's disk."""
    folder = next(path for path in (settings.data_dir.resolve(), *settings.data_dir.resolve().parents) if path.exists())
    free_bytes = shutil.disk_usage(folder).free
    says = f"{free_bytes / (1 << 30):.1f} GiB free of {shutil.disk_usage(folder).total / (1 << 30):.1f}"
    if not os.access(folder, os.W_OK):
        return Health(state="away", says="the data folder cannot be written to", do="Give this user the right to it.")
    if free_bytes < LOW_FACTOR * settings.disk_reserve_bytes:
        return Health(
            state="low", says=says, do="Free some space, or shorten MEESHY_RESULT_TTL_S; below the reserve work stops."
        )
    return Health(state="ok", says=says)
