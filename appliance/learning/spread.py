"""Percentiles in SQL that both databases have: nearest rank, so every answer is a value that was measured."""

from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

_P50, _P95 = 50, 95


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """How measured values are spread."""

    mean: float
    p50: float
    p95: float


def spreads(
    connection: sa.Connection,
    value: sa.ColumnElement[float],
    which: sa.ColumnElement[bool],
    by: Sequence[sa.ColumnElement[Any]] = (),
) -> dict[tuple[Any, ...], Spread]:
    """Return the spread of a column's values over the rows that count, per combination of the columns in `by`.

    A combination without a value is not in the answer. The percentile p of n values is the one at rank ceil(p·n/100).
    """
    ranked = (
        sa.select(
            *by,
            value.label("value"),
            sa.func.row_number().over(partition_by=by or None, order_by=value).label("rank"),
            sa.func.count().over(partition_by=by or None).label("values_in_all"),
            sa.func.avg(value).over(partition_by=by or None).label("mean"),
        )
        .where(which, value.is_not(None))
        .subquery()
    )
    rank_50, rank_95 = (_rank(ranked.c.values_in_all, percent) for percent in (_P50, _P95))
    rows = connection.execute(sa.select(ranked).where(sa.or_(ranked.c.rank == rank_50, ranked.c.rank == rank_95)))
    found: dict[tuple[Any, ...], Spread] = {}
    for row in sorted(rows, key=lambda row: row.rank):
        key = tuple(row[: len(by)])
        p50 = found[key].p50 if key in found else row.value
        found[key] = Spread(mean=row.mean, p50=p50, p95=row.value)
    return found


def _rank(values: sa.ColumnElement[int], percent: int) -> sa.ColumnElement[int]:
    return (values * percent + 99) // 100
