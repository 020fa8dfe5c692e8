"""Wire types of quality: language pairs, kinds of voices, caches, beside the time before. Read `schema.py` first.

What makes a pair worse is told here, for both sides: the server tells such pairs first, the console finds them.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

WER_RISE = 0.05
SIMILARITY_FALL = 0.03
PAIR_COUNT = 30
"""A mean is compared with the one of the window before only where each is of at least this many."""


class PairQuality(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What receipts of one pair of languages say; `before` is the same length of time before that."""

    source: str = ""
    target: str = ""
    spoken: Annotated[int, Meta(description="Without what a kept answer said again; so all figures here.")] = 0
    spoken_before: int = 0
    needs_review: int = 0
    failed: int = 0
    wer: float | None = None
    similarity: float | None = None
    rating: Annotated[float | None, Meta(description="Mean of the ratings given in the window.")] = None
    wer_before: float | None = None
    similarity_before: float | None = None
    rating_before: float | None = None
    wer_of: Annotated[int | None, Meta(description="How many `wer` is the mean of; null: not told.")] = None
    wer_of_before: int | None = None
    similarity_of: Annotated[
        int | None, Meta(description="How many `similarity` is the mean of: of stock voices none is measured.")
    ] = None
    similarity_of_before: int | None = None


class VoiceQuality(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What receipts of one kind of voice say."""

    voice: Annotated[str, Meta(description="`stock`, `matched` or `cloned`.")] = ""
    spoken: int = 0
    spoken_before: int = 0
    similarity: float | None = None
    similarity_before: float | None = None
    wer: float | None = None
    wer_before: float | None = None


class CacheQuality(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How often one kind of kept things was found over a window."""

    level: Annotated[str, Meta(description="`l1`, `l2` or `l3`.")] = ""
    kind: Annotated[str, Meta(description="Empty: the level as a whole.")] = ""
    hits: int = 0
    misses: int = 0
    share: Annotated[float | None, Meta(description="Of hits; null where nothing was looked up.")] = None
    share_before: float | None = None


class Quality(msgspec.Struct, frozen=True, kw_only=True):
    """Receipts of a window of time, pairs with the most results first; `before` is the window before that.

    A window is of whole steps, the one that is not over included. In a snapshot it is of 24 h, without `caches`, and
    pairs that got worse come before all others.
    """

    window_s: float = 86_400.0
    step_s: Annotated[float, Meta(description="Length of the steps that it is put together from.")] = 900.0
    age_s: Annotated[float, Meta(description="Since it was computed: in a snapshot once a minute.")] = 0.0
    spoken: int = 0
    spoken_before: int = 0
    wer: float | None = None
    wer_before: float | None = None
    similarity: float | None = None
    similarity_before: float | None = None
    pairs: tuple[PairQuality, ...] = ()
    pairs_left_out: Annotated[int, Meta(description="More than are told here.")] = 0
    voices: tuple[VoiceQuality, ...] = ()
    caches: tuple[CacheQuality, ...] = ()


def wer_rise(pair: PairQuality) -> float | None:
    """Return by how much a pair's errors rose if that needs a look, else None."""
    if not _enough(pair, pair.wer_of, pair.wer_of_before):
        return None
    return _beyond(WER_RISE, pair.wer_before, pair.wer)


def similarity_fall(pair: PairQuality) -> float | None:
    """Return by how much less alike a pair's voices became if that needs a look, else None."""
    if not _enough(pair, pair.similarity_of, pair.similarity_of_before):
        return None
    return _beyond(SIMILARITY_FALL, pair.similarity, pair.similarity_before)


def _enough(pair: PairQuality, of: int | None, of_before: int | None) -> bool:
    # An older appliance does not tell how many were measured: no more than were spoken.
    now = pair.spoken if of is None else of
    before = pair.spoken_before if of_before is None else of_before
    return min(now, before) >= PAIR_COUNT


def _beyond(bound: float, lower: float | None, higher: float | None) -> float | None:
    if lower is None or higher is None:
        return None
    by = higher - lower
    return by if by > bound else None
