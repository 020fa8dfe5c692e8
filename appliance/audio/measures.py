"""What sound measures as: signal to noise, clipping, silence. NumPy only, so that the decoder's child can run it.

Everything works on frames of 20 ms, short enough to fall into the pauses between words.
"""

import numpy as np

from appliance.audio.decoded import Measures
from appliance.audio.loudness import integrated_lufs
from appliance.engines.protocols import Samples

FRAME_S = 0.02
NOISE_QUANTILE = 0.1
"""The quietest tenth of the frames is taken as background: speech of normal pace pauses for 15 to 30 % of the time."""
ACTIVE_BELOW_PEAK_DB = 40.0
"""A frame counts as sound if it is at most this far below the loudest frame: the dynamic range of speech."""
SILENCE_DBFS = -60.0
"""Frames quieter than this cannot be heard in a voice note played at normal volume."""
SPEECH_BELOW_PEAK_DB = 20.0
"""Frames of speech proper; weaker ones are the ends of words and would only dilute the mean."""
SNR_CEILING_DB = 100.0
"""16-bit samples carry 98 dB at most; a recording with digital silence in its pauses gets this ceiling."""
CLIP_LEVEL = 0.99
CLIP_RUN = 3
"""So many equal samples in a row at the recording's own extreme are a flat top: no real waveform stands still there."""


def measure(samples: Samples, rate_hz: int) -> Measures:
    """Return all measures of mono float samples."""
    levels_db = frame_levels_dbfs(samples, rate_hz)
    leading_s, trailing_s = _silences_s(levels_db, len(samples) / rate_hz)
    return Measures(
        snr_db=snr_db(samples, rate_hz),
        clipping_ratio=clipping_ratio(samples),
        peak=float(np.max(np.abs(samples), initial=0.0)),
        loudness_lufs=integrated_lufs(samples, rate_hz),
        leading_silence_s=leading_s,
        trailing_silence_s=trailing_s,
        is_silent=bool(np.max(levels_db, initial=-np.inf) < SILENCE_DBFS),
    )


def snr_db(samples: Samples, rate_hz: int) -> float | None:
    """Return the ratio of speech power to background power in dB, None where nothing can be heard.

    Estimator: background power N is the mean power of the quietest tenth of 20 ms frames; speech power is the mean
    power of the frames within 20 dB of the loudest and at least 3 dB above N, less N. It supposes that the background
    is steady and that there are pauses; speech without any pause reads too low.
    """
    powers = _frame_powers(samples, rate_hz)
    if not len(powers) or 10 * np.log10(np.max(powers) + 1e-20) < SILENCE_DBFS:
        return None
    quietest = np.sort(powers)[: max(1, int(len(powers) * NOISE_QUANTILE))]
    noise = float(np.mean(quietest))
    threshold = max(2 * noise, float(np.max(powers)) * 10 ** (-SPEECH_BELOW_PEAK_DB / 10))
    threshold = min(threshold, float(np.max(powers)))
    speech = float(np.mean(powers[powers >= threshold])) - noise
    floor = float(np.max(powers)) * 10 ** (-SNR_CEILING_DB / 10)
    return float(np.clip(10 * np.log10(max(speech, floor) / max(noise, floor)), -SNR_CEILING_DB, SNR_CEILING_DB))


def clipping_ratio(samples: Samples) -> float:
    """Return the share of samples within 1 % of full scale or in a flat top at the recording's own extremes."""
    if not len(samples):
        return 0.0
    cut = np.abs(samples) >= CLIP_LEVEL
    for extreme in (np.max(samples), np.min(samples)):
        if extreme != 0:
            cut |= _in_runs(samples == extreme)
    return float(np.mean(cut))


def duration_ratio(spoken_s: float, source_s: float) -> float:
    """Return how long the translation is, measured in lengths of the original; 0 for an original without length."""
    return spoken_s / source_s if source_s > 0 else 0.0


def frame_levels_dbfs(samples: Samples, rate_hz: int) -> Samples:
    """Return each 20 ms frame's RMS level in dB below full scale, -200 for digital silence."""
    return 10 * np.log10(_frame_powers(samples, rate_hz) + 1e-20)


def _frame_powers(samples: Samples, rate_hz: int) -> Samples:
    size = max(1, int(rate_hz * FRAME_S))
    if len(samples) < size:
        return np.array([np.mean(np.square(samples, dtype=np.float64))]) if len(samples) else np.zeros(0)
    frames = np.reshape(samples[: len(samples) // size * size], (-1, size))
    return np.einsum("ij,ij->i", frames, frames, dtype=np.float64) / size


def _silences_s(levels_db: Samples, length_s: float) -> tuple[float, float]:
    """Return the seconds before the first and after the last audible frame."""
    if not len(levels_db):
        return length_s, length_s
    loud = np.flatnonzero(levels_db >= max(SILENCE_DBFS, float(np.max(levels_db)) - ACTIVE_BELOW_PEAK_DB))
    if not len(loud):
        return length_s, length_s
    return float(loud[0] * FRAME_S), float(max(0.0, length_s - (loud[-1] + 1) * FRAME_S))


def _in_runs(mask: Samples) -> Samples:
    """Return the mask with runs shorter than CLIP_RUN taken out."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(np.int8))).reshape(-1, 2)
    long = edges[edges[:, 1] - edges[:, 0] >= CLIP_RUN]
    if not len(long):
        return np.zeros_like(mask)
    steps = np.zeros(len(mask) + 1, dtype=np.int32)
    np.add.at(steps, long[:, 0], 1)
    np.add.at(steps, long[:, 1], -1)
    return np.cumsum(steps[:-1]) > 0
