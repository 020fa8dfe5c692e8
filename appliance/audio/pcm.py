"""Between the bytes that are stored and the numbers that engines take."""

import numpy as np

from appliance.engines.protocols import Samples

_FULL_SCALE = 32768.0


def samples_of(pcm: bytes) -> Samples:
    """Return signed 16-bit little-endian PCM as float32 samples in [-1, 1)."""
    return np.frombuffer(pcm, dtype="<i2").astype(np.float32) / np.float32(_FULL_SCALE)


def pcm_of(samples: Samples) -> bytes:
    """Return float samples as signed 16-bit little-endian PCM, rounded; what lies outside [-1, 1) is cut off."""
    scaled = np.rint(np.asarray(samples, dtype=np.float64) * _FULL_SCALE)
    return np.clip(scaled, -_FULL_SCALE, _FULL_SCALE - 1).astype("<i2").tobytes()
