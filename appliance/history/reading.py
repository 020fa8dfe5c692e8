"""Reading the history, and what was counted but is not in it yet.

A window of months is thousands of documents, of which a question needs a few names: what is not asked for is not even
decoded, and all is read in pieces.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import msgspec
import sqlalchemy as sa

from appliance.history.steps import SHORTEST_S, start_of
from appliance.storage.admin_tables import history, tallies
from appliance.telemetry.slices import Slice, together

AT_ONCE = 500
"""Steps per statement."""

Wanted = Callable[[str], bool]
"""Whether what a slice has under a name is asked for."""


class Names(NamedTuple):
    """Every name in steps that were read, those that nobody asked for too."""

    counts: set[str]
    seconds: set[str]
    levels: set[str]


class Steps(NamedTuple):
    """Steps of one length by their start, the oldest first."""

    slices: dict[int, Slice]
    names: Names

    @property
    def whole(self) -> Slice | None:
        """Return all of them added up, None where there is none."""
        return together(self.slices.values()) if self.slices else None


def everything(name: str) -> bool:
    """Want every name."""
    return True


def load_steps(
    connection: sa.Connection, step_s: int, since_s: float, until_s: float, wanted: Wanted = everything
) -> Steps:
    """Return the steps of one length that began in this time."""
    found = Steps({}, Names(set(), set(), set()))
    begin_s, span_s = start_of(since_s, step_s), step_s * AT_ONCE
    ends = sa.select(sa.func.min(history.c.at_s), sa.func.max(history.c.at_s)).where(
        history.c.step_s == step_s, history.c.at_s >= begin_s, history.c.at_s < until_s
    )
    first_s, last_s = connection.execute(ends).one()
    if first_s is None:
        return found
    for from_s in range(first_s, last_s + 1, span_s):
        rows = connection.execute(
            sa.select(history.c.at_s, _text(history.c.document))
            .where(history.c.step_s == step_s, history.c.at_s >= from_s)
            .where(history.c.at_s < min(from_s + span_s, until_s))
            .order_by(history.c.at_s)
        )
        _add_all(found, rows, step_s, wanted)
    return found


def load_recent(connection: sa.Connection, now_s: float, window_s: float, wanted: Wanted = everything) -> Steps:
    """Return the shortest steps of the last so many seconds, with what processes told since the last round.

    By one statement: what the writer moves from the one table to the other meanwhile is in exactly one of them.
    """
    since_s = now_s - window_s
    kept = sa.select(history.c.at_s, _text(history.c.document)).where(
        history.c.step_s == SHORTEST_S,
        history.c.at_s >= start_of(since_s, SHORTEST_S),
        history.c.at_s < now_s + SHORTEST_S,
    )
    told = sa.select(tallies.c.at_s, _text(tallies.c.document)).where(tallies.c.at_s >= since_s)
    found: dict[int, Slice] = {}
    steps = Steps(found, Names(set(), set(), set()))
    _add_all(steps, connection.execute(sa.union_all(kept, told)), SHORTEST_S, wanted)
    return Steps(dict(sorted(found.items())), steps.names)


def _text(document: sa.Column) -> sa.Cast:
    # Past the driver's own decoding of the whole of it.
    return sa.cast(document, sa.Text)


class _Stored(msgspec.Struct):
    """A document whose histograms and levels are still text."""

    counts: dict[str, float] = {}
    seconds: dict[str, msgspec.Raw] = {}
    levels: dict[str, msgspec.Raw] = {}


_STORED = msgspec.json.Decoder(_Stored)
_HISTOGRAM = msgspec.json.Decoder(dict[int, int])
_LEVEL = msgspec.json.Decoder(list[float])


def _add_all(into: Steps, rows: Iterable[sa.Row], step_s: int, wanted: Wanted) -> None:
    for at_s, document in rows:
        stored = _STORED.decode(document)
        for names, part in zip(into.names, (stored.counts, stored.seconds, stored.levels), strict=True):
            names.update(part)
        read = Slice(
            counts={name: value for name, value in stored.counts.items() if wanted(name)},
            seconds={name: _HISTOGRAM.decode(raw) for name, raw in stored.seconds.items() if wanted(name)},
            levels={name: _LEVEL.decode(raw) for name, raw in stored.levels.items() if wanted(name)},
        )
        known = into.slices.get(start := start_of(at_s, step_s))
        if known is None:
            into.slices[start] = read
        else:
            known.add(read)
