"""What a receipt says about a voice: speaker similarity, pitch and spectral (MFCC) distance of two recordings."""

import math

import numpy as np
from scipy.fft import dct
from scipy.signal import resample_poly

from appliance.engines.pitch import median_f0_hz
from appliance.engines.protocols import SPEECH_RATE_HZ, Samples
from appliance.engines.speaker_encoder_features import mel_filters

_FFT = 512
_HOP = 160
_BANDS = 40
_COEFFICIENTS = 13
_SPEECH_DB = 35.0
_FILTERS = mel_filters(_BANDS, _FFT, SPEECH_RATE_HZ)
_WINDOW = np.hanning(_FFT + 1)[:-1]


def to_speech_rate(samples: Samples, rate_hz: int) -> Samples:
    """Return mono float32 samples at 16 kHz, band-limited (polyphase filter)."""
    if rate_hz == SPEECH_RATE_HZ:
        return np.asarray(samples, np.float32)
    common = math.gcd(rate_hz, SPEECH_RATE_HZ)
    return resample_poly(np.asarray(samples, np.float32), SPEECH_RATE_HZ // common, rate_hz // common).astype(
        np.float32
    )


def speaker_similarity(one: Samples, other: Samples) -> float:
    """Return the cosine of two speaker embeddings, -1 to 1; 0 where either is all zeros."""
    lengths = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(np.dot(one, other)) / lengths if lengths > 0 else 0.0


def pitch_distance_semitones(one: Samples, other: Samples) -> float | None:
    """Return how far the median F0 of the other 16 kHz recording lies above the first's, in semitones, signed.

    None where either has no voiced speech.
    """
    first_hz, second_hz = median_f0_hz(one, SPEECH_RATE_HZ), median_f0_hz(other, SPEECH_RATE_HZ)
    if first_hz is None or second_hz is None:
        return None
    return 12 * math.log2(second_hz / first_hz)


def mfcc(samples: Samples) -> Samples:
    """Return MFCC 1 to 13, in dB, of the louder frames [frames, 13] of 16 kHz samples; 32 ms every 10 ms.

    Coefficient 0 (loudness) is left out: how loud a recording is says nothing about the voice. The DCT is
    orthonormal, so that distances are those of the smoothed log spectrum (Davis and Mermelstein, 1980).
    """
    if len(samples) < _FFT:
        return np.zeros((0, _COEFFICIENTS))
    frames = np.lib.stride_tricks.sliding_window_view(np.asarray(samples, np.float64), _FFT)[::_HOP] * _WINDOW
    power = np.abs(np.fft.rfft(frames, axis=1)) ** 2
    total_db = 10 * np.log10(power.sum(axis=1) + 1e-12)
    speech = power[total_db > total_db.max() - _SPEECH_DB]
    mel_db = 10 * np.log10(speech @ _FILTERS.T.astype(np.float64) + 1e-12)
    return dct(mel_db, type=2, norm="ortho", axis=1)[:, 1 : _COEFFICIENTS + 1]


def mfcc_distance(one: Samples, other: Samples) -> float | None:
    """Return the Euclidean distance, in dB, between the mean MFCC 1 to 13 of two 16 kHz recordings.

    It compares average spectral envelopes, so texts may differ. None where either is too short. A filter common to a
    whole recording (a microphone) counts too.
    """
    first, second = mfcc(one), mfcc(other)
    if not len(first) or not len(second):
        return None
    return float(np.linalg.norm(first.mean(axis=0) - second.mean(axis=0)))
