"""Counting what the second cache level knew: a look counts once, with the transaction that made something of it."""

from collections.abc import Sequence
from typing import NamedTuple

import sqlalchemy as sa

from appliance.cache.kinds import Kind
from appliance.telemetry.noting import note


class Lookup(NamedTuple):
    """Looks for answers of one kind: how many were there, and how many were not."""

    kind: Kind
    hits: int
    misses: int


def note_lookups(connection: sa.Connection, lookups: Sequence[Lookup]) -> None:
    """Count these once the transaction is committed."""
    for lookup in lookups:
        for outcome, count in (("hit", lookup.hits), ("miss", lookup.misses)):
            if count:
                note(connection, "cache_lookups", "l2", lookup.kind, outcome, value=count)
