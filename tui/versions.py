"""What an appliance of another version means: which side is the older one, and what it does not tell. Pure."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from appliance.admin.schema import SCHEMA, Snapshot
from tui.glyphs import Line

SECTIONS = tuple(
    field.name for field in msgspec.structs.fields(Snapshot) if isinstance(field.default, (tuple, msgspec.Struct))
)
"""Parts of a picture that hold more than one figure; an appliance of this version sends each, an empty one too."""
NOT_TOLD = "- (this appliance does not tell)"
"""Stands where a whole part is missing: an empty one would read as nothing to worry about."""


class Incomplete(Snapshot, frozen=True, kw_only=True):
    """A picture of which whole parts are missing; they have their defaults, which say nothing."""

    not_told: tuple[str, ...] = ()
    """Names of those parts."""


def missing_of(document: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the parts that a picture as it came does not have, or of which a recording says that it had not."""
    recorded = document.get("not_told", ())
    return tuple(name for name in SECTIONS if name not in document or name in recorded)


def untold(snapshot: Snapshot, section: str) -> bool:
    """Tell whether a part of a picture is missing."""
    return isinstance(snapshot, Incomplete) and section in snapshot.not_told


def told(snapshot: Snapshot, section: str, draw: Callable[[int], list[Line]]) -> Callable[[int], list[Line]]:
    """Return what draws a part of a picture for a width, a dash where the part is missing."""
    return (lambda width: [[(NOT_TOLD[:width], "quiet")]]) if untold(snapshot, section) else draw


def compared(theirs: str, ours: str = SCHEMA) -> tuple[int, int] | None:
    """Return by how much their version is above ours, major and minor; None for what is no `major.minor`."""
    numbers = [each.split(".") for each in (theirs, ours)]
    if not all(len(each) == 2 and all(part.isascii() and part.isdecimal() for part in each) for each in numbers):
        return None
    (their_major, their_minor), (major, minor) = (map(int, each) for each in numbers)
    return their_major - major, their_minor - minor


def unreadable_version(theirs: str, ours: str = SCHEMA) -> str:
    """Return the sentence on an appliance whose pictures this console cannot read, with what to do."""
    both = f"the appliance speaks version {theirs} to consoles, this console reads {ours}"
    match compared(theirs, ours):
        case None:
            return f"Which is newer is not known: {both}. Take the console of that appliance."
        case above if above > (0, 0):
            return f"Update this console: {both}."
        case _:
            return f"Update the appliance, or take its console: {both}."
