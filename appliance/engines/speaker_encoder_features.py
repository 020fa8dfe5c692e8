"""The speaker encoder's view of a recording: level, long silences taken out, and mel frames.

Constants are those of Resemblyzer 0.1.4 (resemblyzer/hparams.py, audio.py), which the weights were trained with.
"""

import numpy as np

from appliance.engines.protocols import SPEECH_RATE_HZ

FRAME_SAMPLES = 400
"""25 ms."""
HOP_SAMPLES = 160
"""10 ms."""
MEL_BANDS = 40
LEVEL_DBFS = -25.0
"""Every recording is brought to this mean level.

Resemblyzer only raises quiet ones to -30 dBFS, and the network hears powers, not decibels: the same recording 10 dB
quieter was only 0.85 similar to itself. One level for all makes that 1.00, and people apart as well as before: same
person 0.821 and others 0.512 on average over 12 clips, against 0.824 and 0.530.
"""

_VAD_WINDOW_SAMPLES = 480
_VAD_AVERAGE_WINDOWS = 8
_VAD_KEPT_SILENCE_WINDOWS = 6
# Resemblyzer asks webrtcvad (a C extension that needs an old setuptools). A window counts as speech here when its level
# is within 35 dB of the loud ones (95th percentile); the smoothing and the kept edges are Resemblyzer's own.
_VAD_RANGE_DB = 35.0


def set_level(samples: np.ndarray) -> np.ndarray:
    """Return the samples scaled to LEVEL_DBFS mean power; silence stays silence."""
    power = float(np.mean(np.square(samples, dtype=np.float64)))
    if power <= 0:
        return samples
    return samples * np.float32(10 ** (LEVEL_DBFS / 20) / np.sqrt(power))


def cut_long_silences(samples: np.ndarray) -> np.ndarray:
    """Return the samples without their silences longer than about a third of a second."""
    windows = samples[: len(samples) // _VAD_WINDOW_SAMPLES * _VAD_WINDOW_SAMPLES].reshape(-1, _VAD_WINDOW_SAMPLES)
    if len(windows) <= _VAD_AVERAGE_WINDOWS:
        return samples
    level_db = 10 * np.log10(np.mean(np.square(windows, dtype=np.float64), axis=1) + 1e-10)
    voiced = level_db > np.percentile(level_db, 95) - _VAD_RANGE_DB
    smooth = np.convolve(voiced, np.ones(_VAD_AVERAGE_WINDOWS) / _VAD_AVERAGE_WINDOWS, mode="same") >= 0.5
    kept = np.convolve(smooth, np.ones(_VAD_KEPT_SILENCE_WINDOWS + 1), mode="same") > 0
    return windows[kept].reshape(-1) if kept.any() else samples


def mel_filters(bands: int, fft_samples: int, rate_hz: int) -> np.ndarray:
    """Return triangular filters [bands, fft_samples // 2 + 1] of equal area on Slaney's mel scale.

    Slaney's scale (Auditory Toolbox, 1998) is linear up to 1 kHz (15 mel) and has 27 steps per factor 6.4 above it.
    """
    step = np.log(6.4) / 27
    top_mel = 15 + np.log(rate_hz / 2 / 1000) / step
    edges_mel = np.linspace(0, top_mel, bands + 2)
    edges_hz = np.where(edges_mel < 15, edges_mel * 200 / 3, 1000 * np.exp((edges_mel - 15) * step))
    bins_hz = np.fft.rfftfreq(fft_samples, 1 / rate_hz)
    low, centre, high = edges_hz[:-2, None], edges_hz[1:-1, None], edges_hz[2:, None]
    rising, falling = (bins_hz - low) / (centre - low), (high - bins_hz) / (high - centre)
    triangles = np.clip(np.minimum(rising, falling), 0, None)
    return (triangles * 2 / (high - low)).astype(np.float32)


_FILTERS = mel_filters(MEL_BANDS, FRAME_SAMPLES, SPEECH_RATE_HZ)
_WINDOW = np.hanning(FRAME_SAMPLES + 1)[:-1].astype(np.float32)


def mel_frames(samples: np.ndarray) -> np.ndarray:
    """Return mel powers [frames, MEL_BANDS] (float32) of 16 kHz samples, one frame centred on every 10 ms."""
    padded = np.pad(samples.astype(np.float32, copy=False), FRAME_SAMPLES // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, FRAME_SAMPLES)[::HOP_SAMPLES] * _WINDOW
    spectrum = np.fft.rfft(frames, axis=1)
    power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
    return power @ _FILTERS.T
