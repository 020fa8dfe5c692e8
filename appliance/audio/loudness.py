"""Loudness as listeners hear it, and results brought to one loudness.

ITU-R BS.1770-4 (K-weighting, 400 ms blocks with 75 % overlap, gates at -70 LUFS and 10 LU below) and its true peak. The
filters run as convolutions in NumPy: the decoder's child needs loudness too, and loading SciPy would triple its start.
Tests hold the result against pyloudnorm and against the standard's own calibration tone.
"""

from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from appliance.engines.protocols import Samples

TARGET_LUFS = -16.0
"""What podcasts and voice assistants use (AES TD1008): clear on a phone's loudspeaker."""
TRUE_PEAK_LIMIT_DBFS = -1.0
"""Lossy encoders overshoot by up to about 1 dB (EBU R 128 s1)."""
MAX_GAIN_DB = 40.0
"""More would make a hiss out of what is nearly silence."""

_STEP_S = 0.1
_STEPS_PER_BLOCK = 4
_STEPS_PER_PART = 9
"""With the filter's history of one step, ten: a transform whose length has small factors only."""
_ABSOLUTE_GATE_LUFS, _RELATIVE_GATE_LU = -70.0, -10.0
_OFFSET_LU = -0.691
_RESPONSE_S = _STEP_S
"""The 38 Hz high-pass has decayed by more than 170 dB after that."""
_OVERSAMPLING = 4
_CHUNK = 1 << 15
_MARGIN = 256
_GRAIN = 1 << 10
"""Shorter sounds take a chunk of so many samples or a small multiple: most of a fixed one would be silence."""


def integrated_lufs(samples: Samples, rate_hz: int) -> float | None:
    """Return the integrated loudness of mono samples, None where no block passes the absolute gate.

    Sound shorter than one block of 400 ms is measured as one block of its own length.
    """
    return _gated_lufs(_block_powers(samples, rate_hz))


def true_peak_dbfs(samples: Samples) -> float:
    """Return the highest point of the waveform between samples too, in dB of full scale; -200 for zeros."""
    highest = float(np.max(np.abs(samples), initial=0.0))
    chunk = min(_CHUNK, -(-(len(samples) + 2 * _MARGIN) // _GRAIN) * _GRAIN)
    # Single precision errs by less than 0.0001 dB here and takes half the time.
    padded = np.concatenate((np.zeros(_MARGIN), samples, np.zeros(chunk)), dtype=np.float32)
    for start in range(0, len(samples), chunk - 2 * _MARGIN):
        spectrum = np.fft.rfft(padded[start : start + chunk])
        spectrum[-1] /= 2
        fine = np.fft.irfft(spectrum, chunk * _OVERSAMPLING) * _OVERSAMPLING
        kept = fine[_MARGIN * _OVERSAMPLING : -_MARGIN * _OVERSAMPLING]
        highest = max(highest, float(np.max(np.abs(kept))))
    return 20 * float(np.log10(max(highest, 1e-10)))


def normalised(samples: Samples, rate_hz: int, target_lufs: float = TARGET_LUFS) -> Samples:
    """Return the samples at the target loudness, or as close as the true-peak limit allows; silence stays as it is.

    One gain for the whole sound: nothing is compressed, so pitch and timbre measures are untouched.
    """
    return levelled(samples, rate_hz, target_lufs)[0]


def levelled(samples: Samples, rate_hz: int, target_lufs: float = TARGET_LUFS) -> tuple[Samples, float | None]:
    """Return the normalised samples with the integrated loudness that they have then.

    The filters are linear: a gain multiplies the power of every block, so the blocks are measured once.
    """
    powers = _block_powers(samples, rate_hz)
    loudness = _gated_lufs(powers)
    if loudness is None:
        return samples, None
    gain_db = min(target_lufs - loudness, TRUE_PEAK_LIMIT_DBFS - true_peak_dbfs(samples), MAX_GAIN_DB)
    loud = (np.asarray(samples) * np.float32(10 ** (gain_db / 20))).astype(np.float32)
    return loud, _gated_lufs(powers * 10 ** (gain_db / 10))


def _gated_lufs(powers: Samples) -> float | None:
    powers = powers[powers > _power_of(_ABSOLUTE_GATE_LUFS)]
    if not len(powers):
        return None
    gate = float(np.mean(powers)) * 10 ** (_RELATIVE_GATE_LU / 10)
    return _OFFSET_LU + 10 * float(np.log10(np.mean(powers[powers > gate])))


def _power_of(lufs: float) -> float:
    return 10 ** ((lufs - _OFFSET_LU) / 10)


def _block_powers(samples: Samples, rate_hz: int) -> Samples:
    """Return the K-weighted mean square of every 400 ms block, or of the whole where it is shorter."""
    step = round(_STEP_S * rate_hz)
    if len(samples) < _STEPS_PER_BLOCK * step:
        squares = np.concatenate([*_k_squares(samples, rate_hz, step), np.zeros(0)])
        return np.array([np.mean(squares[: len(samples)])]) if len(samples) else np.zeros(0)
    sums = [np.sum(part.reshape(-1, step), axis=1) for part in _k_squares(samples, rate_hz, step)]
    energies = np.concatenate(sums)[: len(samples) // step]
    running = np.concatenate(([0.0], np.cumsum(energies)))
    return (running[_STEPS_PER_BLOCK:] - running[:-_STEPS_PER_BLOCK]) / (_STEPS_PER_BLOCK * step)


def _k_squares(samples: Samples, rate_hz: int, step: int) -> Iterator[Samples]:
    """Yield the squares of the samples behind both filters of the standard, in parts of whole steps, zeros at the end.

    Convolution by overlap-save: ten minutes of sound need no more memory than ten seconds. In single precision, which
    errs by less than 0.00001 LU.
    """
    steps = max(1, min(_STEPS_PER_PART, -(-len(samples) // step)))
    part, history = steps * step, len(_k_response(rate_hz)) - 1
    size = part + step
    transfer = _k_transfer(rate_hz, size)
    for start in range(0, len(samples), part):
        taken = np.zeros(size, np.float32)
        piece = samples[max(0, start - history) : start + part]
        offset = max(0, history - start)
        taken[offset : offset + len(piece)] = piece
        weighted = np.fft.irfft(np.fft.rfft(taken) * transfer, size)
        yield np.square(weighted[history : history + part], dtype=np.float64)


@lru_cache(maxsize=32)
def _k_transfer(rate_hz: int, size: int) -> Samples:
    return np.fft.rfft(_k_response(rate_hz).astype(np.float32), size)


@lru_cache(maxsize=8)
def _k_response(rate_hz: int) -> Samples:
    """Return the impulse response of the K-weighting at a rate.

    The standard gives coefficients for 48 kHz only; these are its analogue prototypes (a shelf of 4 dB above 1682 Hz, a
    high-pass at 38 Hz) under the bilinear transform, which gives the standard's numbers at 48 kHz.
    """
    warped = np.tan(np.pi * 1681.974450955533 / rate_hz)
    quality, high = 0.7071752369554196, 10 ** (3.999843853973347 / 20)
    band = high**0.4996667741545416
    shelf = (
        (
            high + band * warped / quality + warped**2,
            2 * (warped**2 - high),
            high - band * warped / quality + warped**2,
        ),
        (1 + warped / quality + warped**2, 2 * (warped**2 - 1), 1 - warped / quality + warped**2),
    )
    warped = np.tan(np.pi * 38.13547087602444 / rate_hz)
    quality = 0.5003270373238773
    pass_feedback = (1 + warped / quality + warped**2, 2 * (warped**2 - 1), 1 - warped / quality + warped**2)
    # The standard's high-pass numerator is (1, -2, 1) without the gain of the bilinear transform.
    scale = pass_feedback[0]
    impulse = np.zeros(round(_RESPONSE_S * rate_hz))
    impulse[0] = 1.0
    return _biquad(_biquad(impulse, *shelf), (scale, -2 * scale, scale), pass_feedback)


def _biquad(signal: Samples, forward: tuple[float, ...], feedback: tuple[float, ...]) -> Samples:
    out = np.zeros_like(signal)
    b0, b1, b2 = (value / feedback[0] for value in forward)
    _, a1, a2 = (value / feedback[0] for value in feedback)
    x1 = x2 = y1 = y2 = 0.0
    for index, x0 in enumerate(signal):
        y0 = b0 * x0 + b1 * x1 + b2 * x2 - a1 * y1 - a2 * y2
        out[index] = y0
        x2, x1, y2, y1 = x1, x0, y1, y0
    return out
