"""The real Kokoro: heard by Whisper, repeatable, and nobody's voice in another's mouth."""

from pathlib import Path

import jiwer
import numpy as np
import pytest
from faster_whisper import WhisperModel

from appliance.engines.kokoro import RATE_HZ, Kokoro
from appliance.engines.kokoro_styles import make_voice
from appliance.engines.protocols import SpeakRequest, Speech, Voice
from appliance.engines.speaker_encoder import ResemblyzerEncoder
from appliance.errors import EngineFailed, MeeshyError, TextUnspeakable
from appliance.voices.measures import to_speech_rate

pytestmark = pytest.mark.models

SENTENCES = {
    "en": "The meeting starts tomorrow morning at nine o'clock.",
    "es": "La reunión empieza mañana por la mañana a las nueve.",
    "fr": "La réunion commence demain matin à neuf heures.",
    "it": "La riunione comincia domani mattina alle nove.",
    "pt": "A reunião começa amanhã de manhã às nove horas.",
}


@pytest.fixture(scope="module")
def kokoro(models_dir: Path) -> Kokoro:
    folder = models_dir / "kokoro-82m-int8"
    encoder = ResemblyzerEncoder(models_dir / "speaker-encoder" / "pretrained.pt")
    return Kokoro(folder / "model.onnx", folder / "voices", encoder, threads=2)


@pytest.fixture(scope="module")
def whisper(models_dir: Path) -> WhisperModel:
    return WhisperModel(str(models_dir / "whisper-base"), device="cpu", compute_type="int8", local_files_only=True)


def said(kokoro: Kokoro, text: str, language: str, voice: Voice, seed: int = 0) -> Speech:
    (speech,) = kokoro.speak([SpeakRequest(text, language, voice, seed)])
    assert isinstance(speech, Speech), speech
    return speech


def plain(text: str) -> str:
    # The receipt's definition strips more; whole words in lower case are enough to see that the sentence was said.
    return " ".join("".join(c if c.isalnum() else " " for c in text.casefold()).split())


@pytest.mark.parametrize("language", sorted(SENTENCES))
def test_whisper_hears_what_the_stock_voice_was_given(kokoro: Kokoro, whisper: WhisperModel, language: str) -> None:
    speech = said(kokoro, SENTENCES[language], language, kokoro.stock_voice(language))
    assert speech.rate_hz == RATE_HZ and speech.samples.dtype == np.float32 and np.abs(speech.samples).max() <= 1
    segments, _ = whisper.transcribe(to_speech_rate(speech.samples, RATE_HZ), language=language, beam_size=5)
    heard = " ".join(segment.text for segment in segments).replace("9", SENTENCES[language].split()[-1].strip("."))
    assert jiwer.wer(plain(SENTENCES[language]), plain(heard)) <= 0.35


def test_interleaved_speakers_sound_exactly_as_alone(kokoro: Kokoro) -> None:
    voices = [kokoro.stock_voice("fr"), kokoro.stock_voice("fr", "am_onyx")]
    alone = [said(kokoro, text, "fr", voice).samples for voice in voices for text in ("Bonjour.", "Merci bien.")]
    batch = [SpeakRequest(text, "fr", voice) for text in ("Bonjour.", "Merci bien.") for voice in voices]
    mixed = [speech.samples for speech in kokoro.speak(batch)]
    for before, after in zip(alone, (mixed[0], mixed[2], mixed[1], mixed[3]), strict=True):
        assert np.array_equal(before, after)
    assert not np.array_equal(mixed[0], mixed[1])


def test_a_seed_is_another_reading_of_the_same_words_and_repeats(kokoro: Kokoro) -> None:
    voice = kokoro.stock_voice("es")
    default, first, second, again = (said(kokoro, "Buenos días.", "es", voice, seed).samples for seed in (0, 1, 2, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(default, first) and not np.array_equal(first, second)
    assert abs(len(first) / len(default) - 1) < 0.15


def test_bad_rows_fail_alone(kokoro: Kokoro) -> None:
    voice = kokoro.stock_voice("fr")
    foreign = make_voice("matched", np.ones(3), np.ones(3))
    rows = [
        ("😀", "fr", voice),
        ("Oui.", "fr", voice),
        ("Ja.", "de", voice),
        ("Oui.", "fr", foreign),
        ("?!", "en", voice),
    ]
    emoji, spoken, german, other, marks = kokoro.speak([SpeakRequest(*row) for row in rows])
    assert isinstance(spoken, Speech)
    assert all(isinstance(row, TextUnspeakable) for row in (emoji, german, marks))
    assert isinstance(other, EngineFailed)


def test_a_text_longer_than_the_context_is_spoken_whole(kokoro: Kokoro) -> None:
    sentence = "Nous partirons demain matin de bonne heure avec les enfants et les valises."
    voice = kokoro.stock_voice("fr")
    once, many = said(kokoro, sentence, "fr", voice), said(kokoro, " ".join([sentence] * 8), "fr", voice)
    assert 6 < len(many.samples) / len(once.samples) < 9


def test_an_utterance_neither_starts_nor_ends_with_silence(kokoro: Kokoro) -> None:
    samples = np.abs(said(kokoro, "Bonjour à tous.", "fr", kokoro.stock_voice("fr")).samples)
    loud = np.flatnonzero(samples > 0.02 * samples.max())
    assert loud[0] < 0.15 * RATE_HZ and len(samples) - loud[-1] < 0.2 * RATE_HZ


def test_every_language_offered_has_a_stock_voice_and_no_other_has(kokoro: Kokoro) -> None:
    for language in kokoro.languages():
        assert kokoro.stock_voice(language).kind == "stock"
    with pytest.raises(MeeshyError):
        kokoro.stock_voice("ja")
