"""A mixture resembles the speaker, keeps its native share and aims at the speaker's pitch."""

import numpy as np
import pytest

from appliance.engines.kokoro_match import MatchSettings, match_speaker
from appliance.engines.kokoro_styles import StockFacts, read_stock_facts

FACTS = read_stock_facts()
FREE = MatchSettings(native_timbre=0, native_prosody=0)


def index(name: str) -> int:
    return FACTS.names.index(name)


def mixed(**weights: float) -> np.ndarray:
    embedding = sum(weight * FACTS.embeddings[index(name)] for name, weight in weights.items())
    return embedding / np.linalg.norm(embedding)


def test_a_speaker_that_is_a_mixture_is_found_again() -> None:
    mixture = match_speaker(mixed(am_adam=0.7, bm_lewis=0.3), None, "en", FACTS, FREE)
    assert mixture.timbre[index("am_adam")] == pytest.approx(0.7, abs=0.03)
    assert mixture.timbre[index("bm_lewis")] == pytest.approx(0.3, abs=0.03)


@pytest.mark.parametrize("f0_hz", [None, 100.0, 180.0, 260.0])
def test_both_halves_sum_to_one_and_keep_their_native_share(f0_hz: float | None) -> None:
    settings = MatchSettings(native_timbre=0.2, native_prosody=0.35)
    mixture = match_speaker(FACTS.embeddings[index("am_onyx")], f0_hz, "fr", FACTS, settings)
    assert mixture.timbre.sum() == pytest.approx(1) and mixture.prosody.sum() == pytest.approx(1)
    assert mixture.timbre[index("ff_siwis")] >= 0.2 - 1e-9
    assert mixture.prosody[index("ff_siwis")] >= 0.35 - 1e-9
    assert min(mixture.timbre.min(), mixture.prosody.min()) >= 0


@pytest.mark.parametrize("f0_hz", [120.0, 150.0, 230.0])
def test_the_prosody_aims_at_the_speakers_pitch_although_the_native_share_has_its_own(f0_hz: float) -> None:
    mixture = match_speaker(FACTS.embeddings[index("am_adam")], f0_hz, "fr", FACTS, MatchSettings(pitch_weight=0.5))
    expected_hz = np.exp(mixture.prosody @ np.log(FACTS.f0_hz))
    assert abs(12 * np.log2(expected_hz / f0_hz)) < 1.5


def test_an_excluded_voice_takes_no_part_even_when_the_timbre_is_exaggerated() -> None:
    settings = MatchSettings(gain=1.4, exclude=("ff_siwis", "am_adam"))
    mixture = match_speaker(FACTS.embeddings[index("am_adam")], 120.0, "fr", FACTS, settings)
    for name in settings.exclude:
        assert mixture.timbre[index(name)] == 0 and mixture.prosody[index(name)] == 0
    assert mixture.timbre.sum() == pytest.approx(1)


def test_the_native_voice_is_the_one_that_resembles_the_speaker() -> None:
    mixture = match_speaker(FACTS.embeddings[index("em_alex")], None, "es", FACTS, MatchSettings(native_prosody=0.35))
    assert mixture.prosody[index("em_alex")] >= 0.35


def test_a_speaker_unlike_every_voice_still_gets_a_mixture() -> None:
    facts = StockFacts(("af_a", "af_b"), np.eye(2, 4), np.array([100.0, 200.0]), "", "")
    mixture = match_speaker(np.array([0.0, 0.0, 0.0, 1.0]), None, "en", facts, MatchSettings(native_timbre=0.2))
    assert np.isfinite(mixture.timbre).all() and mixture.timbre.sum() == pytest.approx(1)
