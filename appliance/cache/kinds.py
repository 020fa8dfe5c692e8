"""What the second cache level holds, and for how long each kind of answer lasts."""

from enum import StrEnum

from appliance.settings import Settings


class Kind(StrEnum):
    """A kind of kept answer; also a metric's label, so there are few."""

    RESULT = "result"
    """A language's finished audio with its receipt."""
    TRANSCRIPTION = "transcription"
    """What was heard in a recording."""
    TRANSLATION = "translation"
    """One sentence by one engine."""
    AUDIO = "audio"
    """One spoken and verified utterance: the name of its samples and what they measured as."""
    AHEAD = "ahead"
    """One utterance of a phrase, spoken in idle time in a stored voice and not heard yet."""
    CONDITIONING = "conditioning"
    """A profile's voice at an engine: no row of this level, but sealed with its profile (`stages/conditioning.py`)."""


DATABASE_ONLY = frozenset({Kind.RESULT, Kind.TRANSCRIPTION, Kind.AHEAD, Kind.CONDITIONING})
"""Rows beside what they belong to: they decide, in the transaction that accepts or ends a job, which work there is, or
are taken out in the one that erases a profile."""
AHEAD_S = 30 * 86_400.0
"""How long the sound of a phrase is kept; a version of the voice that is replaced is not asked for again."""


def lasts_s(settings: Settings, kind: Kind) -> float:
    """Return for how many seconds an answer of this kind is kept."""
    return {
        Kind.RESULT: settings.result_ttl_s,
        Kind.TRANSCRIPTION: settings.transcription_ttl_s,
        Kind.TRANSLATION: settings.translation_ttl_s,
        Kind.AUDIO: settings.audio_ttl_s,
        Kind.AHEAD: AHEAD_S,
    }[kind]
