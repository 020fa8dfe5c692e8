"""What applications used in a month, and what that costs at the site's prices."""

from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from appliance.settings import Settings
from appliance.storage.tables import applications, usage

GB = 1_000_000_000
MONTH_S = 30 * 86400.0
"""The month of the price per gigabyte."""
_SUMS = (
    "translations", "cached_answers", "audio_s", "engine_s", "characters", "deepl_characters", "recording_bytes",
    "result_bytes",
)  # fmt: skip


class Used(msgspec.Struct, frozen=True, kw_only=True):
    """Sums over the languages of all jobs accepted in a month; counts unless the name has a unit."""

    translations: int = 0
    """Languages that were computed, failed ones left out."""
    cached_answers: int = 0
    """Languages answered from what was kept, or by an identical request in flight."""
    audio_s: float = 0.0
    """Of the recordings that were computed."""
    engine_s: float = 0.0
    """What engines worked: of each batch its share."""
    characters: int = 0
    """Characters of source text that engines translated."""
    deepl_characters: int = 0
    """Those of them that DeepL translated."""
    recording_bytes: int = 0
    """Stored for recordings."""
    result_bytes: int = 0
    """Stored for results."""
    cost: float = 0.0
    """In the currency of the site's prices."""


class UserUsage(msgspec.Struct, frozen=True, kw_only=True):
    """What one user of an application used."""

    user_id: str
    used: Used


class ApplicationUsage(msgspec.Struct, frozen=True, kw_only=True):
    """What one application used."""

    application: str
    application_id: str
    plan: str
    used: Used
    users: tuple[UserUsage, ...] = ()


def usage_of_month(connection: sa.Connection, settings: Settings, month: str) -> Sequence[ApplicationUsage]:
    """Return every application with what it used in a month such as `2026-08`, by name."""
    rows = connection.execute(_sums(month, usage.c.application_id).group_by(usage.c.application_id))
    found = {row.application_id: _used(row, settings) for row in rows}
    names = connection.execute(sa.select(applications).order_by(applications.c.name))
    return [
        ApplicationUsage(application=row.name, application_id=row.id, plan=row.plan, used=found.get(row.id, Used()))
        for row in names
    ]


def usage_by_user(
    connection: sa.Connection, settings: Settings, month: str, application_id: str
) -> Sequence[UserUsage]:
    """Return the users that used anything in a month, by id."""
    query = _sums(month, usage.c.user_id).where(usage.c.application_id == application_id)
    rows = connection.execute(query.group_by(usage.c.user_id).order_by(usage.c.user_id))
    return [UserUsage(user_id=row.user_id, used=_used(row, settings)) for row in rows]


def usage_of(
    connection: sa.Connection, settings: Settings, month: str, application_id: str, user_id: str | None = None
) -> Used:
    """Return what an application, or one of its users, used in a month."""
    query = _sums(month).where(usage.c.application_id == application_id)
    if user_id is not None:
        query = query.where(usage.c.user_id == user_id)
    return _used(connection.execute(query).one(), settings)


def cost(used: Used, settings: Settings) -> float:
    """Return engine time, characters and kept bytes at the site's prices; bytes cost as long as settings keep them."""
    byte_s = used.recording_bytes * settings.source_ttl_s + used.result_bytes * settings.result_ttl_s
    return (
        used.engine_s * settings.price_per_gpu_s
        + used.characters / 1e6 * settings.price_per_million_characters
        + byte_s / (GB * MONTH_S) * settings.price_per_gb_month
    )


def _sums(month: str, *columns: sa.ColumnElement[Any]) -> sa.Select:
    sums = [sa.func.coalesce(sa.func.sum(usage.c[name]), 0).label(name) for name in _SUMS]
    return sa.select(*columns, *sums).where(usage.c.day.between(f"{month}-01", f"{month}-31"))


def _used(row: sa.Row, settings: Settings) -> Used:
    seconds = {name: round(float(getattr(row, name)), 3) for name in _SUMS if name.endswith("_s")}
    counts = {name: int(getattr(row, name)) for name in _SUMS if not name.endswith("_s")}
    used = Used(**seconds, **counts)
    return msgspec.structs.replace(used, cost=round(cost(used, settings), 6))
