"""Silence at the ends of an utterance is bounded."""

import numpy as np

from appliance.engines.kokoro import RATE_HZ, trim_silence


def test_silence_at_the_ends_is_cut_to_60_ms_and_inside_it_stays() -> None:
    sound = 0.3 * np.sin(np.arange(RATE_HZ) / 10).astype(np.float32)
    silence = np.zeros(RATE_HZ // 2, np.float32)
    trimmed = trim_silence(np.concatenate([silence, sound, silence, sound, silence]))
    expected = 2.5 + 2 * 0.06
    assert abs(len(trimmed) / RATE_HZ - expected) < 0.021


def test_silence_alone_is_left_as_it_is() -> None:
    assert len(trim_silence(np.zeros(0, np.float32))) == 0
