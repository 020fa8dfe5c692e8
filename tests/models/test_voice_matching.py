"""A matched voice resembles speakers that its basis does not hold."""

from pathlib import Path

import numpy as np
import pytest

from appliance.engines.kokoro import Kokoro
from appliance.engines.speaker_encoder import ResemblyzerEncoder
from appliance.errors import EngineFailed, ModelMissing, NoSpeech
from appliance.voices.evaluate import evaluate, means, recorded_speakers, stock_speakers
from appliance.voices.refine import refine
from appliance.voices.serialise import from_bytes, to_bytes

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def encoder(models_dir: Path) -> ResemblyzerEncoder:
    return ResemblyzerEncoder(models_dir / "speaker-encoder" / "pretrained.pt")


@pytest.fixture(scope="module")
def kokoro(models_dir: Path, encoder: ResemblyzerEncoder) -> Kokoro:
    folder = models_dir / "kokoro-82m-int8"
    return Kokoro(folder / "model.onnx", folder / "voices", encoder, threads=2)


def test_absent_speakers_are_matched_better_than_by_the_mean_of_all_voices(
    kokoro: Kokoro, encoder: ResemblyzerEncoder
) -> None:
    speakers = stock_speakers(kokoro, ("bm_george", "zf_xiaoni"))
    mean, matched = means(evaluate(kokoro, encoder, speakers, methods=("mean", "matched")))
    assert matched.similarity > mean.similarity + 0.05
    assert matched.pitch_semitones < 2.5 and matched.pitch_semitones < mean.pitch_semitones


def test_a_person_is_matched_in_another_language_and_a_search_does_no_harm(
    kokoro: Kokoro, encoder: ResemblyzerEncoder, human_speech: Path
) -> None:
    person = next(speaker for speaker in recorded_speakers(human_speech) if speaker.name == "spk2")
    matched = kokoro.match_voice([person.samples], "es")
    found = refine(kokoro, encoder, kokoro.stock_facts(), person.samples, "es", matched, steps=2, budget_s=120)
    assert matched.kind == found.voice.kind == "matched"
    assert found.similarity_after >= found.similarity_before > 0.5


def test_the_same_recording_gives_the_same_voice_and_it_survives_storage(kokoro: Kokoro, human_speech: Path) -> None:
    person = recorded_speakers(human_speech)[0]
    first, again = (kokoro.match_voice([person.samples], "fr") for _ in range(2))
    assert first.version == again.version == from_bytes(to_bytes(first)).version
    assert kokoro.match_voice([person.samples], "es").version != first.version


def test_a_voice_nearer_the_native_one_is_a_mixture_of_both(kokoro: Kokoro, human_speech: Path) -> None:
    matched = kokoro.match_voice([recorded_speakers(human_speech)[0].samples], "fr")
    nearer = kokoro.nearer_native(matched, "fr", 0.4)
    stock = kokoro.stock_voice("fr")
    for name in ("timbre", "prosody"):
        assert np.allclose(nearer.arrays[name], 0.6 * matched.arrays[name] + 0.4 * stock.arrays[name], atol=1e-6)
    assert nearer.version != matched.version and nearer.parameters == matched.parameters


def test_facts_of_another_encoder_are_refused(models_dir: Path) -> None:
    folder = models_dir / "kokoro-82m-int8"
    other = ResemblyzerEncoder(models_dir / "speaker-encoder" / "pretrained.pt", cut_silences=False)
    with pytest.raises(ModelMissing, match="build_stock"):
        Kokoro(folder / "model.onnx", folder / "voices", other, threads=1)


def test_a_recording_without_speech_or_a_strange_language_gives_no_voice(kokoro: Kokoro) -> None:
    with pytest.raises(NoSpeech):
        kokoro.match_voice([np.zeros(32_000, np.float32)], "fr")
    with pytest.raises(EngineFailed):
        kokoro.match_voice([np.zeros(32_000, np.float32)], "ja")
