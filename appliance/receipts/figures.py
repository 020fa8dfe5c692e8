"""A receipt's figures without its texts: what may outlive the job that they were measured on."""

from typing import Any

import msgspec

from appliance.receipts.receipt import Engines


class AttemptFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What one reading measured as."""

    seed: int
    wer: float
    similarity: float | None = None


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """The receipt's fields of these names; what a person said, was heard to say or sounds like is not among them."""

    verdict: str | None = None
    wer: float | None = None
    similarity: float | None = None
    pitch_distance_semitones: float | None = None
    mfcc_distance: float | None = None
    translation_score: float | None = None
    back_translation_chrf: float | None = None
    transcription_confidence: float | None = None
    duration_ratio: float | None = None
    snr_db: float | None = None
    clipping_ratio: float | None = None
    loudness_lufs: float | None = None
    route: str | None = None
    quality: str | None = None
    engines: Engines | None = None
    seed: int | None = None
    attempts: tuple[AttemptFigures, ...] = ()
    stage_ms: dict[str, float] = {}
    cached_stages: tuple[str, ...] = ()


def figures_of(receipt: dict[str, Any]) -> Figures:
    """Return the figures of a stored receipt; what it lacks is None, and what is not a figure is left behind."""
    return msgspec.convert(receipt, Figures)
