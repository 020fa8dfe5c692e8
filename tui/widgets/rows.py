"""Rows of a table: which are shown, in which order, and where the cursor is. Pure; nothing here draws.

Everything goes by the key of a row, never by its place: a row that moves, or goes, takes nobody else's place.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from tui.glyphs import Tone


# Outside the collection of garbage: 10,000 rows are 100,000 cells, and to look through them for cycles, of which they
# can have none, stopped the console for 140 ms, which a key had to wait. Measured with gc.callbacks.
class Cell(msgspec.Struct, frozen=True, gc=False):
    """One cell: its text, what it sorts by (None sorts last), its tone."""

    text: str
    value: Any = None
    tone: Tone = "plain"


class Row(msgspec.Struct, frozen=True, gc=False):
    """One row: the key of the thing that it shows, and its cells, one per column."""

    key: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Column:
    """One column: its heading, its width, where its text stands, how soon it goes when there is too little room."""

    title: str
    width: int
    right: bool = False
    spare: int = 0
    """0 stays always; of the others, the highest goes first."""
    descending: bool = False
    """Sorts by the largest first."""


GAP = 2
"""Blank columns after each column."""


def fitting(columns: Sequence[Column], width: int) -> list[int]:
    """Return the places of the columns that are shown within this width, from the left."""
    places = list(range(len(columns)))
    while sum(columns[place].width + GAP for place in places) > width + GAP:
        spare = max((columns[place].spare for place in places), default=0)
        if spare == 0:
            break
        places.remove(max(place for place in places if columns[place].spare == spare))
    return places


def matches(row: Row, pattern: str) -> bool:
    """Tell whether any cell holds the pattern, without regard to case; `!pattern` inverts it."""
    wanted = pattern.removeprefix("!").casefold()
    if not wanted:
        return True
    return any(wanted in cell.text.casefold() for cell in row.cells) != pattern.startswith("!")


def ordered(rows: Sequence[Row], column: int | None, descending: bool) -> list[Row]:
    """Return the rows sorted by a column, unknown values last either way; as they came where column is None."""
    if column is None:
        return list(rows)
    known = [row for row in rows if row.cells[column].value is not None]
    unknown = [row for row in rows if row.cells[column].value is None]
    return sorted(known, key=lambda row: row.cells[column].value, reverse=descending) + unknown


def held(rows: Sequence[Row], before: Sequence[str]) -> list[Row]:
    """Return the rows in the order that they had; rows that are new come last."""
    by_key = {row.key: row for row in rows}
    kept = [by_key[key] for key in before if key in by_key]
    known = set(before)
    return kept + [row for row in rows if row.key not in known]


def cursor_after(before: Sequence[str], cursor: str | None, after: Sequence[str]) -> str | None:
    """Return the key that the cursor is on: the same one, else the next that is still there, else the one before."""
    if not after:
        return None
    present = set(after)
    if cursor in present:
        return cursor
    if cursor in before:
        place = list(before).index(cursor)
        for key in [*before[place + 1 :], *reversed(before[:place])]:
            if key in present:
                return key
    return after[0]
