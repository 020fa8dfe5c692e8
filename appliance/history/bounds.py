"""How many names a step of the history may have: its document is written anew every few seconds, and read for years.

Names of figures, lanes and caches are few. Pairs of languages could be thousands, and so could cards of a large site.
"""

from appliance.telemetry.slices import Slice

MOST_PAIRS = 100
"""Pairs of languages with figures of their own in one step; a busy site has about twenty."""
OTHER_PAIRS = "other"
"""What pairs beyond that are counted under, together."""
MOST_DEVICES = 64
"""GPUs and MIG instances that are looked at."""
_PAIR = "pair"


def add_bounded(into: Slice, more: Slice) -> None:
    """Add a stretch to a step; pairs that the step does not have yet, and has no room for, become `other`."""
    room = MOST_PAIRS - len(pairs := _pairs(into))
    new = sorted(_pairs(more) - pairs)
    into.add(_without(more, frozenset(new[max(0, room) :])))


def _pairs(part: Slice) -> set[str]:
    return {pair for name in part.counts if (pair := _pair(name)) not in (None, OTHER_PAIRS)}  # type: ignore[misc]


def _pair(name: str) -> str | None:
    """Return the pair in a name as `wer.pair.en>fr.sum`."""
    parts = name.split(".")
    return parts[2] if len(parts) > 2 and parts[1] == _PAIR else None


def _without(part: Slice, pairs: frozenset[str]) -> Slice:
    if not pairs:
        return part
    kept = Slice(seconds=part.seconds, levels=part.levels)
    for name, value in part.counts.items():
        pair = _pair(name)
        kept.count(name.replace(f".{pair}", f".{OTHER_PAIRS}", 1) if pair in pairs else name, value)
    return kept
