"""What receipts say about pairs of languages and kinds of voices, and what caches save, beside the time before.

From the history: a look at years costs what its steps cost, and not what all that was spoken would.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import sqlalchemy as sa

from appliance.admin.quality_types import (
    CacheQuality,
    PairQuality,
    Quality,
    VoiceQuality,
    similarity_fall,
    wer_rise,
)
from appliance.history.bounds import OTHER_PAIRS
from appliance.history.steps import DAY_S
from appliance.history.windows import load_windows
from appliance.telemetry.slices import Slice

MOST_PAIRS = 12
"""Of a snapshot; whoever asks for quality itself gets more."""
ROUNDED = 4
_NOTHING = Slice()
_RECEIPTS = ("spoken", "wer", "similarity", "needs_review.", "failed.", "rating.")
_CACHES = ("cache.",)


class _Both(NamedTuple):
    """The windows' sums."""

    now: Slice
    before: Slice

    def mean(self, name: str) -> tuple[float | None, float | None]:
        """Return the mean of a figure in either."""
        return _mean(self.now, name), _mean(self.before, name)

    def counted(self, name: str) -> tuple[int, int]:
        """Return a count in either."""
        return _count(self.now, name), _count(self.before, name)


def most_first(pair: PairQuality) -> tuple[int, str, str]:
    """Order pairs by how much was spoken in them."""
    return -pair.spoken, pair.source, pair.target


def worse_first(pair: PairQuality) -> tuple[bool, int, str, str]:
    """Order pairs that got worse before all others: what needs a look is not among what there is no room for."""
    return wer_rise(pair) is None and similarity_fall(pair) is None, *most_first(pair)


def load_quality(
    connection: sa.Connection, now_s: float, window_s: float = DAY_S, most_pairs: int = MOST_PAIRS, *,
    order: Callable[[PairQuality], Any] = most_first, with_caches: bool = False,
) -> Quality:  # fmt: skip
    """Return the receipts of a window that ends now; the first pairs in an order, each with its figures before that."""
    wanted = (*_RECEIPTS, *_CACHES) if with_caches else _RECEIPTS
    windows = load_windows(connection, now_s, window_s, lambda name: name.startswith(wanted))
    both = _Both(windows.whole or _NOTHING, windows.before or _NOTHING)
    pairs = sorted((_pair(both, name) for name in _pairs(both.now)), key=order)
    spoken, spoken_before = both.counted("spoken")
    wer, wer_before = both.mean("wer")
    similarity, similarity_before = both.mean("similarity")
    return Quality(
        window_s=window_s,
        step_s=float(windows.step_s),
        spoken=spoken,
        spoken_before=spoken_before,
        wer=wer,
        wer_before=wer_before,
        similarity=similarity,
        similarity_before=similarity_before,
        pairs=tuple(pairs[:most_pairs]),
        pairs_left_out=max(0, len(pairs) - most_pairs),
        voices=_voices(both),
        caches=_caches(both) if with_caches else (),
    )


def _pairs(now: Slice) -> set[str]:
    """Return the pairs that anything was made for; those beyond a step's limit have no name of their own."""
    made = ("spoken.pair.", "failed.pair.")
    return {name.split(".", 2)[2] for name in now.counts if name.startswith(made)} - {OTHER_PAIRS}


def _pair(both: _Both, name: str) -> PairQuality:
    source, _, target = name.partition(">")
    return PairQuality(
        source=source,
        target=target,
        needs_review=both.counted(f"needs_review.pair.{name}")[0],
        failed=both.counted(f"failed.pair.{name}")[0],
        **_beside(both, f"pair.{name}", "wer", "similarity", "rating"),
        **_measured(both, f"pair.{name}", "wer", "similarity"),
    )


def _beside(both: _Both, which: str, *means: str) -> dict[str, Any]:
    """Return how often a pair or voice was spoken, and means of it, each beside what it was before."""
    found: dict[str, Any] = {}
    found["spoken"], found["spoken_before"] = both.counted(f"spoken.{which}")
    for mean in means:
        found[mean], found[f"{mean}_before"] = both.mean(f"{mean}.{which}")
    return found


def _measured(both: _Both, which: str, *means: str) -> dict[str, int]:
    """Return of how many each mean is, beside what it was before."""
    found: dict[str, int] = {}
    for mean in means:
        found[f"{mean}_of"], found[f"{mean}_of_before"] = both.counted(f"{mean}.{which}.of")
    return found


def _voices(both: _Both) -> tuple[VoiceQuality, ...]:
    begins = "spoken.voice."
    names = {name.removeprefix(begins) for name in both.now.counts if name.startswith(begins)} - {"None"}
    return tuple(sorted((_voice(both, name) for name in names), key=lambda voice: (-voice.spoken, voice.voice)))


def _voice(both: _Both, name: str) -> VoiceQuality:
    return VoiceQuality(voice=name, **_beside(both, f"voice.{name}", "wer", "similarity"))


def _caches(both: _Both) -> tuple[CacheQuality, ...]:
    """Return the levels and their kinds, each level before its kinds."""
    kinds = sorted({name.rpartition(".")[0] for part in both for name in part.counts if name.startswith(_CACHES)})
    levels = sorted({kind.rpartition(".")[0] for kind in kinds})
    return tuple(_cache(both, name) for name in sorted([*levels, *kinds]))


def _cache(both: _Both, name: str) -> CacheQuality:
    (hits, misses), (hits_before, misses_before) = (_looks(part, name) for part in both)
    _, level, *kind = name.split(".", 2)
    return CacheQuality(
        level=level,
        kind="".join(kind),
        hits=hits,
        misses=misses,
        share=_share(hits, misses),
        share_before=_share(hits_before, misses_before),
    )


def _looks(part: Slice, name: str) -> tuple[int, int]:
    """Return hits and misses of a kind, or of all kinds of a level."""
    of = [each for each in part.counts if each.startswith(f"{name}.")]
    return tuple(  # type: ignore[return-value]
        round(sum(part.counts[each] for each in of if each.endswith(outcome))) for outcome in (".hit", ".miss")
    )


def _share(hits: int, misses: int) -> float | None:
    return round(hits / (hits + misses), ROUNDED) if hits + misses else None


def _count(part: Slice, name: str) -> int:
    return round(part.counts.get(name, 0.0))


def _mean(part: Slice, name: str) -> float | None:
    of = part.counts.get(f"{name}.of", 0.0)
    return round(part.counts.get(f"{name}.sum", 0.0) / of, ROUNDED) if of else None
