"""Whether a recording may become a sample of a voice: what it measures as, and each fault with a reason in words."""

from collections.abc import Sequence

import msgspec
import numpy as np

from appliance.audio.bandwidth import bandwidth_hz
from appliance.audio.measures import clipping_ratio, snr_db
from appliance.engines.protocols import SPEECH_RATE_HZ, Samples, SpeakerEncoder
from appliance.errors import AudioUnreadable, MeeshyError
from appliance.voices.one_speaker import halves_similarity

LEAST_SPEECH_S = 3.0
LEAST_SNR_DB = 25.0
"""Similarity of four people's noisy speech to the same speech without (white noise; noise of 3 dB less per octave):
25 dB 0.87 to 0.92; 0.86 to 0.93. 20 dB 0.80 to 0.84; 0.79 to 0.88. 15 dB 0.71 to 0.80; 0.73 to 0.84, where a person
no longer passes for himself. Recordings of one person are 0.87 to 0.92 alike by themselves: below 25 dB both together
fall under the gate, which would call the speaker a stranger where the noise is to blame.
"""
MOST_CLIPPING = 0.02
"""Four people's speech, cut: 0.8 % of the samples 0.99 similar, 2 to 3 % 0.97 to 0.99, 8 to 9 % 0.88 to 0.94."""
LEAST_BANDWIDTH_HZ = 4_500.0
"""Three people's wide recordings, cut at 6 kHz 0.98 to 0.99 similar, 5 kHz 0.93 to 0.97, 4 kHz 0.91 to 0.95; a
telephone line ends at 3.4 kHz. An archive recording of 1961 reaches 4,750 Hz.
"""
LEAST_HALVES_SIMILARITY = 0.78
"""Windows of 2.4 s: four people alone 0.88 to 0.92; any two of them joined, 3 or 5 s of each, 0.48 to 0.73; two
meetings 0.69 and 0.79. One stock voice alone 0.90 to 0.93; 14 random pairs of stock voices, one sentence of each, 0.57
to 0.82, 12 of them below the limit. Two much alike (`am_puck` and `am_echo`, 0.87) are not told apart.
"""


class Fault(msgspec.Struct, frozen=True):
    """Why a recording is no sample; `detail` is for the speaker: the reason with the figure and the limit."""

    code: str
    """`no_speaker`, `too_little_speech`, `noisy`, `clipped`, `narrow_band` or `several_speakers`."""
    detail: str


class Judged(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What a recording measures as, and what stands against it; no fault means that it may be a sample."""

    speech_s: float
    snr_db: float | None
    """None where nothing can be heard."""
    clipping_ratio: float
    bandwidth_hz: float
    embedding: Samples | None
    """Unit float32 vector of all its speech; None with the fault `no_speaker`."""
    faults: tuple[Fault, ...]

    @property
    def usable(self) -> bool:
        """Return whether nothing stands against the recording."""
        return not self.faults


def judge(samples: Samples, speech: Sequence[tuple[float, float]], encoder: SpeakerEncoder) -> Judged:
    """Return what a 16 kHz recording measures as where its transcriber heard speech (spans in seconds, any order).

    Everything is measured on the speech and the pauses between: silence around it, digital silence above all, would
    hide noise. Raises AudioUnreadable where samples are not numbers.
    """
    sound = np.asarray(samples, np.float32)
    if not np.isfinite(sound).all():
        raise AudioUnreadable("The samples hold values that are not numbers.")
    spans = _merged(speech, len(sound))
    if not spans:
        return _nobody(0.0)
    stretch = sound[spans[0][0] : spans[-1][1]]
    heard = np.concatenate([sound[start:end] for start, end in spans])
    speech_s = len(heard) / SPEECH_RATE_HZ
    embedding = encoder.embed([heard])[0]
    if isinstance(embedding, MeeshyError):
        return _nobody(speech_s)
    found = Judged(
        speech_s=speech_s,
        snr_db=snr_db(stretch, SPEECH_RATE_HZ),
        clipping_ratio=clipping_ratio(stretch),
        bandwidth_hz=bandwidth_hz(stretch, SPEECH_RATE_HZ),
        embedding=np.asarray(embedding, np.float32),
        faults=(),
    )
    return msgspec.structs.replace(found, faults=_faults(found, halves_similarity(heard, encoder)))


def _faults(found: Judged, halves: float | None) -> tuple[Fault, ...]:
    faults = []
    if found.speech_s < LEAST_SPEECH_S:
        faults.append(
            Fault(
                "too_little_speech",
                f"{found.speech_s:.1f} s of speech were heard; a sample needs {LEAST_SPEECH_S:.0f} s.",
            )
        )
    if found.snr_db is None or found.snr_db < LEAST_SNR_DB:
        level = "No level" if found.snr_db is None else f"Only {found.snr_db:.0f} dB"
        faults.append(Fault("noisy", f"{level} of speech over the background; a sample needs {LEAST_SNR_DB:.0f} dB."))
    if found.clipping_ratio > MOST_CLIPPING:
        faults.append(
            Fault(
                "clipped",
                f"{found.clipping_ratio:.1%} of the sound is cut off because the recording is too loud; "
                f"{MOST_CLIPPING:.1%} may be.",
            )
        )
    if found.bandwidth_hz < LEAST_BANDWIDTH_HZ:
        faults.append(
            Fault(
                "narrow_band",
                f"The sound ends at {found.bandwidth_hz:.0f} Hz, as on a telephone line; a sample must reach "
                f"{LEAST_BANDWIDTH_HZ:.0f} Hz.",
            )
        )
    if halves is not None and halves < LEAST_HALVES_SIMILARITY:
        faults.append(
            Fault(
                "several_speakers",
                f"Two parts of the speech resemble each other by {halves:.2f} only; one person's are at least "
                f"{LEAST_HALVES_SIMILARITY:.2f} alike.",
            )
        )
    return tuple(faults)


def _nobody(speech_s: float) -> Judged:
    detail = "No voice was heard: 0 s of speech that a speaker can be told from."
    return Judged(
        speech_s=speech_s,
        snr_db=None,
        clipping_ratio=0.0,
        bandwidth_hz=0.0,
        embedding=None,
        faults=(Fault("no_speaker", detail),),
    )


def _merged(speech: Sequence[tuple[float, float]], length: int) -> list[tuple[int, int]]:
    """Return the spans in samples, within the recording, in order and without overlap."""
    merged: list[tuple[int, int]] = []
    for start_s, end_s in sorted(speech):
        start = min(max(round(start_s * SPEECH_RATE_HZ), 0), length)
        end = min(round(end_s * SPEECH_RATE_HZ), length)
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        elif end > start:
            merged.append((start, end))
    return merged
