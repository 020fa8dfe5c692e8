"""How the phrase library served: per day in UTC and pair, look-ups and size. Nothing in it belongs to anybody."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from appliance.cache.library import Pair
from appliance.storage.sets import insert_rows
from appliance.storage.tables import phrase_days

_T = phrase_days.c


@dataclass
class LookUps:
    """Sentences that a library was asked for: found there, found among the owner's own, or in neither."""

    hits: int = 0
    own_hits: int = 0
    misses: int = 0


def count_days(connection: sa.Connection, found: Mapping[tuple[str, Pair], LookUps]) -> None:
    """Add look-ups by day and pair; one transaction at a time may do this."""
    days = {day for day, _ in found}
    rows = connection.execute(sa.select(phrase_days).where(_T.day.in_(days)))
    held = {(row.day, (row.source, row.target)): row for row in rows}
    changed = []
    for (day, pair), more in sorted(found.items()):
        row = held.get((day, pair))
        changed.append(
            {
                "day": day, "source": pair[0], "target": pair[1],
                "hits": more.hits + (row.hits if row else 0),
                "own_hits": more.own_hits + (row.own_hits if row else 0),
                "misses": more.misses + (row.misses if row else 0),
            }
        )  # fmt: skip
    insert_rows(connection, phrase_days, changed, replace=("hits", "own_hits", "misses"))


def note_sizes(connection: sa.Connection, day: str, sizes: Mapping[Pair, int]) -> None:
    """Write down how large the library is today."""
    rows = [
        {"day": day, "source": source, "target": target, "size": held}
        for (source, target), held in sorted(sizes.items())
    ]
    insert_rows(connection, phrase_days, rows, replace=("size",))


def days_since(connection: sa.Connection, day: str) -> Sequence[sa.Row]:
    """Return the rows of that day and later, pair by pair in the order of days."""
    return connection.execute(
        sa.select(phrase_days).where(_T.day >= day).order_by(_T.source, _T.target, _T.day)
    ).all()  # fmt: skip


def pairs_asked_for(connection: sa.Connection, day: str) -> list[Pair]:
    """Return the pairs that were asked for on that day or later, the most wanted first."""
    asked = sa.func.sum(_T.hits + _T.own_hits + _T.misses)
    rows = connection.execute(
        sa.select(_T.source, _T.target)
        .where(_T.day >= day)
        .group_by(_T.source, _T.target)
        .having(asked > 0)
        .order_by(asked.desc(), _T.source, _T.target)
    )
    return [(row.source, row.target) for row in rows]


def forget_days(connection: sa.Connection, before: str) -> int:
    """Remove days before this one and return how many rows that were."""
    return connection.execute(sa.delete(phrase_days).where(_T.day < before)).rowcount
