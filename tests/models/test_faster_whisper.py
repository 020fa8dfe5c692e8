"""The real Whisper base on real voices, and on everything that is no voice."""

import re
import shutil
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import ctranslate2
import jiwer
import numpy as np
import pytest
from faster_whisper.audio import decode_audio

from appliance.engines.faster_whisper import FasterWhisper
from appliance.engines.protocols import TranscribeRequest, Transcription
from appliance.errors import AudioEmpty, EngineFailed, ModelMissing, UnknownLanguage

pytestmark = pytest.mark.models

RATE_HZ = 16_000
ModelPath = Callable[[str], Path]


def engine(path: Path, *, adaptive: bool = True, **options: object) -> FasterWhisper:
    return FasterWhisper(path, model=path.name, model_sha256="0" * 64, threads=1, adaptive_window=adaptive, **options)


@pytest.fixture(scope="module")
def whisper(model_path: ModelPath) -> Iterator[FasterWhisper]:
    """Whisper base as the appliance runs it on a CPU."""
    with closing(engine(model_path("whisper-base"))) as loaded:
        loaded.warm()
        yield loaded


@pytest.fixture(scope="module")
def voices(human_speech: Path) -> dict[str, np.ndarray]:
    """All human recordings at 16 kHz by file name."""
    return {path.name: decode_audio(str(path), sampling_rate=RATE_HZ) for path in sorted(human_speech.glob("*.wav"))}


@pytest.fixture(scope="module")
def texts(human_speech: Path) -> dict[str, str]:
    """What is said in those recordings that have a text, from the README's table."""
    rows = re.findall(r"^\| (\S+\.wav) \|[^|]*\| ([^|]+) \|", (human_speech / "README.md").read_text(), re.MULTILINE)
    return dict(rows)


def hear(whisper: FasterWhisper, *requests: TranscribeRequest) -> list[Transcription]:
    """Return the transcriptions; fail on an error."""
    heard = whisper.transcribe(requests)
    assert all(isinstance(one, Transcription) for one in heard), heard
    return heard


@pytest.fixture(scope="module")
def heard(whisper: FasterWhisper, voices: dict[str, np.ndarray]) -> dict[str, Transcription]:
    """All human recordings, transcribed in one batch."""
    return dict(zip(voices, hear(whisper, *map(TranscribeRequest, voices.values())), strict=True))


def plain(text: str) -> str:
    return " ".join(re.sub(r"[^a-z' ]", " ", text.lower()).split())


def word_error_rate(texts: dict[str, str], heard: dict[str, Transcription]) -> float:
    return jiwer.wer([plain(text) for text in texts.values()], [plain(heard[name].text) for name in texts])


def sounds() -> dict[str, np.ndarray]:
    """Return twelve seconds each of what a microphone hears when nobody speaks, all made here."""
    rng, count = np.random.default_rng(7), 12 * RATE_HZ
    t = np.arange(count) / RATE_HZ
    spectrum = np.fft.rfft(rng.standard_normal(count))
    pink = np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(len(spectrum)), 1)), count)
    beat = t % 0.25
    chords = np.zeros(count)
    for i, roots in enumerate(((220, 277, 330), (196, 247, 294), (175, 220, 262), (165, 208, 247)) * 3):
        bar = slice(i * RATE_HZ, (i + 1) * RATE_HZ)
        ring = np.exp(-2 * t[:RATE_HZ]) * np.minimum(t[:RATE_HZ] / 0.02, 1)
        chords[bar] = sum(ring * np.sin(2 * np.pi * f * k * t[:RATE_HZ]) / k for f in roots for k in range(1, 8))
    drums = np.sin(2 * np.pi * 70 * beat) * np.exp(-18 * beat) + 0.3 * rng.standard_normal(count) * np.exp(-40 * beat)
    clicks = np.zeros(count)
    clicks[:: RATE_HZ // 3] = 1
    made = {
        "digital silence": np.zeros(count),
        "white noise": rng.standard_normal(count) / 4,
        "pink noise": pink / np.abs(pink).max(),
        "mains hum": sum(np.sin(2 * np.pi * 50 * k * t) / k for k in (1, 2, 3)) / 2,
        "clicks": clicks,
        "chords": chords / np.abs(chords).max(),
        "drums": drums / np.abs(drums).max(),
        "music": (chords / np.abs(chords).max() + drums / np.abs(drums).max()) / 2,
        "a siren": np.sin(2 * np.pi * np.cumsum(600 + 300 * np.sin(2 * np.pi * 0.5 * t)) / RATE_HZ),
    }
    return {name: sound.astype(np.float32) for name, sound in made.items()}


def test_given_human_recordings_then_few_words_are_wrong_and_the_language_is_told(heard, texts) -> None:
    assert len(texts) == 12
    assert word_error_rate(texts, heard) <= 0.10
    assert {one.language for one in heard.values()} == {"en"}


def test_given_a_shortened_window_then_it_hears_as_well_as_the_trained_one(heard, voices, texts, model_path) -> None:
    some = dict(list(texts.items())[::2])  # a padded row costs five times a shortened one
    with closing(engine(model_path("whisper-base"), adaptive=False)) as padded:
        in_full = hear(padded, *(TranscribeRequest(voices[name]) for name in some))

    assert word_error_rate(some, heard) <= word_error_rate(some, dict(zip(some, in_full, strict=True))) + 0.02


def test_given_very_quiet_voices_then_they_are_heard_all_the_same(whisper, voices, texts) -> None:
    gain = np.float32(10 ** (-40 / 20))

    quiet = hear(whisper, *(TranscribeRequest(voices[name] * gain) for name in texts))

    assert word_error_rate(texts, dict(zip(texts, quiet, strict=True))) <= 0.12


@pytest.mark.parametrize("gain", [0.9, 0.05, 0.001])
def test_given_no_voice_then_no_text_is_invented(whisper, gain: float) -> None:
    made = sounds()

    heard = hear(whisper, *(TranscribeRequest(sound * np.float32(gain)) for sound in made.values()))

    assert {name: one.text for name, one in zip(made, heard, strict=True) if not one.no_speech} == {}
    assert {(one.language, one.language_probability, one.duration_s) for one in heard} == {("und", 0.0, 12.0)}


def test_given_a_batch_of_all_speakers_then_every_row_reads_as_it_does_alone(whisper, voices, texts, heard) -> None:
    alone = {name: hear(whisper, TranscribeRequest(voices[name]))[0].text for name in texts}

    assert alone == {name: heard[name].text for name in texts}


def test_given_languages_and_tasks_interleaved_then_every_row_reads_as_it_does_alone(whisper, voices) -> None:
    asked = [
        TranscribeRequest(voices["spk1_snt5.wav"], language="fr"),
        TranscribeRequest(voices["spk2_snt5.wav"]),
        TranscribeRequest(voices["spk1_snt1.wav"], language="en", task="translate"),
        TranscribeRequest(voices["spk2_snt3.wav"], language="es"),
        TranscribeRequest(voices["spk2_snt2.wav"], language="en"),
    ]

    together = hear(whisper, *asked)

    assert [one.text for one in together] == [hear(whisper, request)[0].text for request in asked]
    assert [one.language for one in together] == ["fr", "en", "en", "es", "en"]


def test_given_poisoned_rows_then_each_fails_in_its_place_and_its_mates_do_not(whisper, voices, heard) -> None:
    good = voices["jfk.wav"]
    broken = good.copy()
    broken[5000] = np.nan
    poison = [
        (broken, EngineFailed),
        (np.zeros(0, dtype=np.float32), AudioEmpty),
        ((good * 32767).astype(np.int16), EngineFailed),
        (good * np.float32(32767), EngineFailed),
        (np.stack([good, good]), EngineFailed),
        (good.tolist(), EngineFailed),
    ]
    batch = [TranscribeRequest(good), *(TranscribeRequest(samples) for samples, _ in poison), TranscribeRequest(good)]

    first, *failed, last = whisper.transcribe(batch)

    assert [type(one) for one in failed] == [error for _, error in poison]
    assert first.text == last.text == heard["jfk.wav"].text


def test_given_backward_speech_that_no_reading_convinces_on_then_its_mates_are_untouched(whisper, voices) -> None:
    backward = np.ascontiguousarray(voices["spk1_snt1.wav"][::-1])

    _, forward = hear(whisper, TranscribeRequest(backward), TranscribeRequest(voices["spk1_snt1.wav"]))

    assert forward.text == "The child almost hurt the small dog."


def test_given_speech_then_words_are_in_order_inside_the_clip_and_segments_fit_a_subtitle(heard) -> None:
    for one in heard.values():
        words = [word for segment in one.segments for word in segment.words]
        assert words
        assert all(0 <= w.start_s <= w.end_s <= one.duration_s for w in words)
        assert all(a.end_s <= b.start_s for a, b in pairwise(words))
        assert all(0 < w.probability <= 1 and w.text == w.text.strip() for w in words)
        assert all(s.end_s - s.start_s <= 7.0 and 0 < s.confidence <= 1 for s in one.segments)
        assert "".join(w.text for w in words) == one.text.replace(" ", "")


def test_given_words_then_they_stand_where_they_are_spoken(heard) -> None:
    words = [w for s in heard["jfk.wav"].segments for w in s.words]

    country = [w for w in words if w.text.startswith("country")]
    # Heard by ear: "your country can" begins at 5.5 s, the last "country" ends at 10.5 s of 11.
    assert country[0].start_s == pytest.approx(5.8, abs=0.3)
    assert country[-1].end_s == pytest.approx(10.4, abs=0.3)


def test_given_a_long_recording_then_its_rows_keep_their_places_and_one_language(whisper, voices) -> None:
    clip = voices["jfk.wav"]
    pause = np.zeros(40 * RATE_HZ, dtype=np.float32)

    (one,) = hear(whisper, TranscribeRequest(np.concatenate([clip, pause, clip, pause, clip])))

    spoken = [w for s in one.segments for w in s.words]
    shift_s = (len(clip) + len(pause)) / RATE_HZ
    third = len(spoken) // 3
    assert one.language == "en"
    assert [w.text for w in spoken[:third]] == [w.text for w in spoken[third : 2 * third]]
    for early, late in zip(spoken, spoken[third : 2 * third], strict=False):
        assert late.start_s - early.start_s == pytest.approx(shift_s, abs=0.4)


def test_given_speech_without_pauses_over_the_window_then_no_sentence_is_lost(whisper, voices, texts) -> None:
    joined = np.concatenate([voices[name] for name in texts])

    (one,) = hear(whisper, TranscribeRequest(joined))

    assert len(joined) > 30 * RATE_HZ
    assert jiwer.wer(plain(" ".join(texts.values())), plain(one.text)) <= 0.15


def test_given_no_wish_for_word_times_then_the_text_is_the_same_without_words(whisper, voices) -> None:
    clip = voices["LJ050-0131.wav"]

    with_words, without = hear(whisper, TranscribeRequest(clip), TranscribeRequest(clip, word_timestamps=False))

    assert without.text == with_words.text
    assert all(segment.words == () for segment in without.segments)


def test_given_a_language_that_is_not_validated_then_its_rows_are_padded_in_full(voices, model_path) -> None:
    path, request = model_path("whisper-base"), TranscribeRequest(voices["jfk.wav"])
    with (
        closing(engine(path, adaptive_languages=frozenset({"fr"}))) as french,
        closing(engine(path, adaptive=False)) as padded,
    ):
        (first,), (second,) = hear(french, request), hear(padded, request)

    assert first.segments == second.segments


def test_given_a_language_the_model_was_not_trained_on_then_the_row_says_so(whisper, voices, model_path) -> None:
    clip = voices["spk2_snt2.wav"]
    unknown, known = whisper.transcribe([TranscribeRequest(clip, language="yue"), TranscribeRequest(clip)])
    assert isinstance(unknown, UnknownLanguage)
    assert known.text == "What joy there is in living."

    with closing(engine(model_path("whisper-tiny-en"))) as english_only:
        french, english = english_only.transcribe([TranscribeRequest(clip, language="fr"), TranscribeRequest(clip)])
    assert isinstance(french, UnknownLanguage)
    # Not its punctuation: tiny.en ends the sentence with another mark on a processor of another make.
    assert (english.language, plain(english.text)) == ("en", "what joy there is in living")


def test_given_an_incomplete_model_then_it_is_refused_and_nothing_is_fetched(tmp_path, model_path, monkeypatch) -> None:
    for name in ("model.bin", "config.json"):
        shutil.copy(model_path("whisper-tiny-en") / name, tmp_path)
    monkeypatch.setattr(socket.socket, "connect", _no_network)

    with pytest.raises(ModelMissing, match=r"tokenizer\.json"):
        engine(tmp_path)


def test_given_no_network_then_a_complete_model_loads_and_hears(voices, model_path, monkeypatch) -> None:
    monkeypatch.setattr(socket.socket, "connect", _no_network)
    monkeypatch.setattr(socket, "getaddrinfo", _no_network)

    with closing(engine(model_path("whisper-tiny-en"))) as loaded:
        (one,) = hear(loaded, TranscribeRequest(voices["spk1_snt5.wav"]))

    assert one.text == "Sunday is the best part of the week."


def test_given_a_closed_engine_then_the_next_call_loads_it_again(voices, model_path) -> None:
    loaded = engine(model_path("whisper-tiny-en"))
    request = TranscribeRequest(voices["spk1_snt6.wav"])
    before = hear(loaded, request)
    loaded.close()

    assert hear(loaded, request) == before
    loaded.close()


def read_by_two_callers(path: Path, clips: list[np.ndarray], **options: object) -> list[list[str]]:
    """Return what two threads read at once, each the same clips in its own order; the second's is turned back."""
    with closing(engine(path, callers=2, **options)) as shared, ThreadPoolExecutor(2) as threads:
        shared.warm()
        orders = (clips, clips[::-1])
        read = threads.map(lambda order: [hear(shared, TranscribeRequest(clip))[0].text for clip in order], orders)
        first, second = read
    return [first, second[::-1]]


def test_given_two_callers_at_once_then_each_reads_what_one_alone_does(voices, model_path, heard) -> None:
    names = sorted(voices)[:6]

    read = read_by_two_callers(model_path("whisper-base"), [voices[name] for name in names])

    assert read == [[heard[name].text for name in names]] * 2


@pytest.mark.gpu
def test_given_two_callers_on_a_gpu_then_both_read_the_same(voices, model_path) -> None:
    """Shows that the slots of a GPU's process do not disturb each other; neither their speed nor large-v3's memory."""
    if not ctranslate2.get_cuda_device_count():
        pytest.skip("there is no NVIDIA GPU")
    clips = [voices[name] for name in sorted(voices)[:6]]

    first, second = read_by_two_callers(model_path("whisper-base"), clips, device="cuda", compute_type="float16")

    assert first == second


def test_given_an_empty_batch_then_there_is_nothing_to_answer(whisper) -> None:
    assert whisper.transcribe([]) == []


def test_the_identity_names_what_changes_the_text(model_path) -> None:
    path = model_path("whisper-base")

    keys = {
        engine(path).identity().key,
        engine(path, adaptive=False).identity().key,
        engine(path, beam_size=1).identity().key,
    }

    assert len(keys) == 3
    assert all(key.startswith("faster-whisper/whisper-base@0000") for key in keys)


def _no_network(*_: object, **__: object) -> None:
    raise AssertionError("the engine opened a connection")
