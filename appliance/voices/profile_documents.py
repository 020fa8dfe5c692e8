"""What a voice profile is made of: states, the consent, the challenge, samples and their measures."""

from enum import StrEnum
from typing import Literal

import msgspec


class ProfileState(StrEnum):
    """Where a profile stands; one whose consent has expired is `active` until it is erased, and used by nobody."""

    AWAITING_CONSENT = "awaiting_consent"
    ACTIVE = "active"


class SampleKind(StrEnum):
    """What a recording is for."""

    CONSENT = "consent"
    SAMPLE = "sample"


class SampleState(StrEnum):
    """Where a sample stands; all but the first are final."""

    WAITING = "waiting"
    ACCEPTED = "accepted"
    SET_ASIDE = "set_aside"
    """It is good, but the profile sounded less like its speaker with it."""
    REFUSED = "refused"


class VersionState(StrEnum):
    """Where a version of a profile stands."""

    IN_FORCE = "in_force"
    SUPERSEDED = "superseded"
    ROLLED_BACK = "rolled_back"
    """Worse than the one before, which stayed in force."""


class Consent(msgspec.Struct, frozen=True, kw_only=True):
    """What was agreed to, and how it was shown. Sealed wherever it is stored."""

    subject: str
    purpose: str
    languages: tuple[str, ...]
    valid_s: float
    statement: str
    """The text that was read, with the phrase."""
    statement_language: str
    heard: str = ""
    """By our own transcriber."""
    word_error_rate: float | None = None
    phrase_errors: int | None = None
    given_s: float | None = None
    """None until it was given."""
    sample_id: str | None = None


class Challenge(msgspec.Struct, frozen=True, kw_only=True):
    """What has to be read aloud. Sealed wherever it is stored."""

    statement: str
    phrase: str
    language: str


class Measures(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured on a sample."""

    speech_s: float
    snr_db: float | None
    clipping_ratio: float
    bandwidth_hz: float
    similarity: float | None = None
    """To the profile as it was when the sample came; None for the recording of the consent."""


class SampleFault(msgspec.Struct, frozen=True):
    """Why a sample was refused, as a code and a sentence."""

    code: str
    detail: str


class ProfileUse(msgspec.Struct, frozen=True, kw_only=True):
    """Which version of a profile speaks which of a job's languages."""

    id: str
    version: int
    languages: tuple[str, ...]


Unused = Literal["awaiting_consent", "consent_expired", "language", "too_little_speech"]
"""Why a profile that exists does not speak."""
