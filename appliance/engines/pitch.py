"""The fundamental frequency of speech, by YIN's difference function.

Source: de Cheveigné and Kawahara, "YIN, a fundamental frequency estimator for speech and music", JASA 111 (2002):
difference function, cumulative mean normalisation, absolute threshold and parabolic interpolation (its steps 2 to 5).
"""

import numpy as np

LOWEST_HZ = 60.0
HIGHEST_HZ = 420.0
"""Adult and children's speaking voices; higher peaks are laughter or a doubled octave."""
HOP_S = 0.01
_APERIODICITY = 0.15  # between YIN's 0.1 and the 0.2 of noisy-speech practice
_QUIET_DB = 30.0
_SILENT_DB = -70.0  # below the noise of any microphone; digital silence is periodic with every period


def track_f0_hz(samples: np.ndarray, rate_hz: int) -> np.ndarray:
    """Return F0 in Hz per 10 ms frame of mono samples, NaN where the frame is quiet or not periodic."""
    longest = int(rate_hz / LOWEST_HZ) + 2
    shortest = int(rate_hz / HIGHEST_HZ)
    window = longest
    hop = round(rate_hz * HOP_S)
    if len(samples) < window + longest:
        return np.full(0, np.nan)
    frames = np.lib.stride_tricks.sliding_window_view(samples.astype(np.float64, copy=False), window + longest)[::hop]
    normalised = _normalised_difference(frames, window, longest)
    level_db = 10 * np.log10(np.mean(frames**2, axis=1) + 1e-12)
    lags = np.array([_first_dip(row, shortest) for row in normalised])
    loud = level_db > max(np.percentile(level_db, 95) - _QUIET_DB, _SILENT_DB)
    f0_hz = np.where(loud & (lags > 0), rate_hz / np.where(lags > 0, lags, 1), np.nan)
    return np.where(_steady(f0_hz), f0_hz, np.nan)


def median_f0_hz(samples: np.ndarray, rate_hz: int) -> float | None:
    """Return the median F0 in Hz of the voiced frames, None where fewer than five are voiced."""
    voiced = track_f0_hz(samples, rate_hz)
    voiced = voiced[np.isfinite(voiced)]
    return float(np.median(voiced)) if len(voiced) >= 5 else None


def _steady(f0_hz: np.ndarray) -> np.ndarray:
    """Return which frames have a neighbour on both sides within 20 %; noise alone hardly ever has."""
    padded = np.pad(f0_hz, 1, constant_values=np.nan)
    before, after = padded[:-2] / f0_hz, padded[2:] / f0_hz
    return (np.abs(before - 1) < 0.2) & (np.abs(after - 1) < 0.2)


def _normalised_difference(frames: np.ndarray, window: int, longest: int) -> np.ndarray:
    """Return YIN's cumulative mean normalised difference [frames, longest]; its value at lag 0 is 1."""
    size = 1 << int(2 * window + longest).bit_length()
    head = np.fft.rfft(frames[:, :window], size)
    whole = np.fft.rfft(frames, size)
    correlation = np.fft.irfft(np.conj(head) * whole, size)[:, :longest]
    power = np.cumsum(np.pad(frames**2, ((0, 0), (1, 0))), axis=1)
    shifted_power = power[:, window : window + longest] - power[:, :longest]
    difference = np.maximum(shifted_power[:, :1] + shifted_power - 2 * correlation, 0)
    running = np.cumsum(difference[:, 1:], axis=1)
    normalised = np.ones_like(difference)
    normalised[:, 1:] = difference[:, 1:] * np.arange(1, longest) / np.maximum(running, 1e-12)
    return normalised


def _first_dip(row: np.ndarray, shortest: int) -> float:
    """Return the interpolated lag of the first minimum under the threshold, 0 without one."""
    below = np.flatnonzero(row[shortest:-1] < _APERIODICITY)
    if not len(below):
        return 0.0
    lag = shortest + int(below[0])
    while lag + 1 < len(row) - 1 and row[lag + 1] < row[lag]:
        lag += 1
    left, middle, right = row[lag - 1], row[lag], row[lag + 1]
    curve = left - 2 * middle + right
    return lag + (0.5 * (left - right) / curve if curve > 0 else 0.0)
