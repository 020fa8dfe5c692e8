"""Up to which frequency a recording holds sound: a telephone line, a narrow codec or an old microphone shows here."""

import numpy as np

from appliance.engines.protocols import Samples

_FRAME = 512
_HOP = 256
_BINS_PER_BAND = 8
"""250 Hz at 16 kHz: the mean of eight bins is steady enough to tell speech from noise."""
RANGE_DB = 50.0
"""Hissing consonants lie within 20 to 40 dB of the strongest band; what a filter leaves behind its edge lies deeper."""
ABOVE_BACKGROUND_DB = 8.0
"""White noise alone puts the 95th percentile of a band 4.5 dB above its 10th (gamma distribution, eight bins)."""


def bandwidth_hz(samples: Samples, rate_hz: int) -> float:
    """Return the upper edge of the highest band of 1/64 of the rate in which speech is heard, 0 where nothing is.

    A band counts when its louder moments (95th percentile of 32 ms frames, where consonants are) come within RANGE_DB
    of the strongest band's and stand ABOVE_BACKGROUND_DB above its quiet ones (10th percentile): steady noise over the
    whole spectrum is no bandwidth of the voice.
    """
    if len(samples) < _FRAME:
        return 0.0
    frames = np.lib.stride_tricks.sliding_window_view(np.asarray(samples, np.float32), _FRAME)[::_HOP]
    spectrum = np.fft.rfft(frames * np.hanning(_FRAME).astype(np.float32), axis=1)[:, : _FRAME // 2]
    power = (spectrum.real**2 + spectrum.imag**2).reshape(len(frames), -1, _BINS_PER_BAND).mean(axis=2)
    loud, quiet = np.percentile(power, 95, axis=0), np.percentile(power, 10, axis=0)
    strongest = float(loud.max())
    if strongest <= 0:
        return 0.0
    heard = (loud >= strongest * 10 ** (-RANGE_DB / 10)) & (loud >= quiet * 10 ** (ABOVE_BACKGROUND_DB / 10))
    bands = np.flatnonzero(heard)
    return float((bands[-1] + 1) * _BINS_PER_BAND * rate_hz / _FRAME) if len(bands) else 0.0
