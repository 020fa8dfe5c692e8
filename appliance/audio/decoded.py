"""What a recording has become after decoding: plain sound, and what is known about it."""

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

PCM_RATE_HZ = 16_000
"""Rate of all decoded sound; mono, signed 16-bit little-endian."""

PCM_BYTES_PER_SAMPLE = 2

MISSING_RANGES_MAX = 100
"""More damage than that is told as one last, longer range: no reader needs more, and the answer stays small."""

_Second = Annotated[float, Meta(ge=0, le=1e7)]


@dataclass(frozen=True, slots=True)
class Measures:
    """What a stretch of sound measures as; see `appliance.audio.measures` for each definition."""

    snr_db: Annotated[float, Meta(ge=-100, le=100)] | None
    """Speech over background noise; None in silence."""
    clipping_ratio: Annotated[float, Meta(ge=0, le=1)]
    """Share of samples that were cut off at the top or bottom."""
    peak: Annotated[float, Meta(ge=0, le=1e6)]
    """Largest absolute sample, 1 is full scale."""
    loudness_lufs: Annotated[float, Meta(ge=-100, le=100)] | None
    """Integrated loudness (BS.1770-4); None where nothing reaches its absolute gate of -70 LUFS."""
    leading_silence_s: _Second
    trailing_silence_s: _Second
    is_silent: bool
    """Nothing in it can be heard; both silences are then the whole length."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A decoded recording without its samples: what the file was, how much of it could be read, what it measures.

    Times are seconds from the beginning of the decoded sound. A hole inside the recording is filled with silence, so
    that everything after it stays in its place; a missing end is not, so `missing` may reach beyond `duration_s`.
    """

    container: Annotated[str, Meta(min_length=1, max_length=40)]
    codec: Annotated[str, Meta(min_length=1, max_length=40)]
    channels: Annotated[int, Meta(ge=1, le=8)]
    sample_rate_hz: Annotated[int, Meta(ge=1, le=1_000_000)]
    """Channels and rate before decoding."""
    declared_duration_s: _Second | None
    """What the file's own header says; None where it says nothing that can be relied on."""
    missing: Annotated[list[tuple[_Second, _Second]], Meta(max_length=MISSING_RANGES_MAX)]
    """Stretches (start, end) that could not be decoded, in order."""
    cut_short: bool
    """The file ends before its proper end, and nothing in it tells how much is missing there."""
    measures: Measures

    @property
    def partial_input(self) -> bool:
        """Return whether anything of the recording is known to be missing."""
        return bool(self.missing) or self.cut_short

    @property
    def missing_s(self) -> float:
        """Return the seconds that are known to be missing."""
        return sum(end_s - start_s for start_s, end_s in self.missing)


@dataclass(frozen=True, slots=True)
class DecodedAudio:
    """A recording as mono 16 kHz signed 16-bit little-endian PCM, with what is known about it."""

    pcm: bytes
    recording: Recording

    @property
    def duration_s(self) -> float:
        """Return the length of the decoded sound in seconds, filled holes included."""
        return len(self.pcm) / (PCM_RATE_HZ * PCM_BYTES_PER_SAMPLE)

    @property
    def measures(self) -> Measures:
        """Return what the decoded sound measures as."""
        return self.recording.measures

    @property
    def missing(self) -> list[tuple[float, float]]:
        """Return the stretches (start_s, end_s) that could not be decoded."""
        return self.recording.missing

    @property
    def partial_input(self) -> bool:
        """Return whether anything of the recording is known to be missing."""
        return self.recording.partial_input
