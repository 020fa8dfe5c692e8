"""The receipt: what was measured on one spoken translation. Every number comes from this job's own audio and text."""

from typing import Literal

import msgspec


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One reading of the text and what was measured on it."""

    seed: int
    voice_version: str
    wer: float
    similarity: float | None
    heard_text: str


class Utterance(msgspec.Struct, frozen=True, kw_only=True):
    """One spoken sentence: where it is in the spoken audio and where its original is in the recording."""

    text: str
    start_s: float
    end_s: float
    source_start_s: float
    source_end_s: float


class Engines(msgspec.Struct, frozen=True, kw_only=True):
    """Which engines with which weights took part: name, model and the first 16 hex digits of its SHA-256."""

    transcriber: str
    translators: tuple[str, ...]
    synthesizer: str
    speaker_encoder: str
    verifier: str


class VoiceUsed(msgspec.Struct, frozen=True, kw_only=True):
    """Whose voice speaks: `stock` is nobody's, `matched` resembles the speaker, `cloned` is conditioned on them."""

    kind: Literal["stock", "matched", "cloned"]
    version: str
    notice: str | None = None
    profile_version: int | None = None
    """Version of the stored voice profile that spoke, None where none did."""


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What one language's audio measures as, and how it came to be."""

    verdict: Literal["accepted", "needs_review"]
    reasons: tuple[str, ...]
    wer: float
    heard_text: str
    similarity: float | None
    """Cosine of the speaker embeddings of recording and result; None for a stock voice, or where one is too short."""
    pitch_distance_semitones: float | None
    mfcc_distance: float | None
    translation_score: float | None
    """Mean log-probability per token over the segments; None for engines that give none."""
    back_translation_chrf: float | None
    """chrF (0 to 100) of the translation brought back, against what was heard; None without a pack for the way back."""
    transcription_confidence: float
    duration_ratio: float
    """Spoken seconds over the seconds of speech in the recording."""
    snr_db: float | None
    clipping_ratio: float
    loudness_lufs: float | None
    route: str
    quality: Literal["starter", "standard"]
    engines: Engines
    voice: VoiceUsed
    seed: int
    attempts: tuple[Attempt, ...]
    stage_ms: dict[str, float]
    """Milliseconds of each stage for the batch this job was in."""
    cached_stages: tuple[str, ...]
    utterances: tuple[Utterance, ...]
