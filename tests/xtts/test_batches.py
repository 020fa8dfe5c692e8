"""Many rows in one pass come out as each would alone, by the library's own `inference`."""

import random

import numpy as np
import pytest

from appliance.engines.protocols import SpeakRequest, Speech
from appliance.errors import EngineFailed, TextUnspeakable

pytestmark = pytest.mark.xtts

WORDS = {
    "en": ["hello", "i", "will", "be", "ten", "minutes", "late", "please", "wait", "for", "me", "at", "the", "station"],
    "fr": ["bonjour", "je", "serai", "en", "retard", "de", "dix", "minutes", "attendez", "moi", "à", "la", "gare"],
    "es": ["hola", "llegaré", "diez", "minutos", "tarde", "espérame", "en", "la", "estación"],
    "de": ["hallo", "ich", "komme", "zehn", "minuten", "später", "warte", "bitte", "am", "bahnhof"],
}


def sentences(count: int, seed: int) -> list[tuple[str, str]]:
    """Return texts of 1 to 14 words with their languages."""
    chance = random.Random(seed)
    languages = [chance.choice(sorted(WORDS)) for _ in range(count)]
    return [(" ".join(chance.choices(WORDS[language], k=chance.randint(1, 14))), language) for language in languages]


def samples_of(results) -> list[np.ndarray]:
    assert all(isinstance(result, Speech) for result in results), results
    return [result.samples for result in results]


def test_a_batch_of_speakers_languages_and_texts_is_row_for_row_what_the_library_says_alone(
    greedy, voices, library_alone
):
    rows = [(text, language, voices[n % len(voices)]) for n, (text, language) in enumerate(sentences(32, seed=1))]

    together = samples_of(greedy.speak([SpeakRequest(*row) for row in rows]))
    alone = library_alone(rows)

    assert greedy.status()["largest_pass"] == 16
    assert [len(mine) for mine in together] == [len(row["samples"]) for row in alone]
    assert max(np.abs(mine - row["samples"]).max() for mine, row in zip(together, alone, strict=True)) <= 1e-6


def test_the_codes_of_a_batch_are_those_of_the_library(greedy, voices, library_alone):
    texts = sentences(8, seed=2)
    arrays = {f"{n}.{name}": array for n, voice in enumerate(voices) for name, array in voice.arrays.items()}
    wanted = [
        {"text": text, "language": language, "seed": 0, "voice": n % len(voices)}
        for n, (text, language) in enumerate(texts)
    ]
    answers = [*greedy._link.ask({"op": "speak", "rows": wanted}, arrays)]
    alone = library_alone([(*text, voices[n % len(voices)]) for n, text in enumerate(texts)])

    for (_, given), row in zip(answers, alone, strict=True):
        assert given["codes"].tolist() == row["codes"].tolist()


def test_the_toy_can_show_a_mistake_codes_depend_on_text_speaker_and_language(greedy, voices):
    spoken = samples_of(
        greedy.speak(
            [
                SpeakRequest("hello i will be late", "en", voices[0]),
                SpeakRequest("please wait at the station", "en", voices[0]),
                SpeakRequest("hello i will be late", "en", voices[1]),
                SpeakRequest("hello i will be late", "de", voices[0]),
            ]
        )
    )
    for place, one in enumerate(spoken):
        for other in spoken[place + 1 :]:
            length = min(len(one), len(other), 8_000)
            assert np.abs(one[:length] - other[:length]).max() > 1e-3


def test_rows_that_cannot_be_said_fail_alone(greedy, voices):
    stranger = greedy.stock_voice("en")
    foreign = type(stranger)("matched", "kokoro", {"timbre": np.ones(3, np.float32)}, "other")

    emoji, spoken, unknown, other, last = greedy.speak(
        [
            SpeakRequest("😀", "en", voices[0]),
            SpeakRequest("hello", "en", voices[0]),
            SpeakRequest("こんにちは", "ja", voices[0]),
            SpeakRequest("hello", "en", foreign),
            SpeakRequest("bonjour", "fr", voices[1]),
        ]
    )

    assert isinstance(emoji, TextUnspeakable)
    assert isinstance(spoken, Speech) and isinstance(last, Speech)
    assert isinstance(unknown, EngineFailed) and isinstance(other, EngineFailed)


def test_a_seeds_reading_depends_on_no_batch_mate(drawing, voices):
    texts = sentences(8, seed=3)
    requests = [
        SpeakRequest(text, language, voices[n % len(voices)], seed=n) for n, (text, language) in enumerate(texts)
    ]

    alone = [samples_of(drawing.speak([request]))[0] for request in requests]
    together = samples_of(drawing.speak(requests))
    backwards = samples_of(drawing.speak(requests[::-1]))[::-1]
    with_others = samples_of(drawing.speak([*requests[:3], SpeakRequest("hola", "es", voices[9], seed=99)]))[:3]

    for one, same in zip(alone, together, strict=True):
        assert len(one) == len(same) and np.abs(one - same).max() <= 1e-6
    for one, same in zip(together, backwards, strict=True):
        assert len(one) == len(same) and np.abs(one - same).max() <= 1e-6
    for one, same in zip(together, with_others, strict=False):
        assert len(one) == len(same) and np.abs(one - same).max() <= 1e-6


def test_a_seed_repeats_itself_and_another_one_reads_otherwise(drawing, voices):
    first, again, other = samples_of(
        drawing.speak([SpeakRequest("please wait for me", "en", voices[0], seed) for seed in (7, 7, 8)])
    )
    assert np.array_equal(first, again)
    assert len(first) != len(other) or np.abs(first - other).max() > 1e-3


def test_a_text_of_many_sentences_is_said_whole_with_pauses_between(greedy, voices):
    one, two = "Hello i will be ten minutes late.", "Please wait for me at the station."
    apart = samples_of(greedy.speak([SpeakRequest(text, "en", voices[0]) for text in (one, two)]))
    joined = samples_of(greedy.speak([SpeakRequest(f"{one} {two}", "en", voices[0])]))[0]

    pause = len(joined) - sum(len(part) for part in apart)
    assert pause == 6_000
    assert np.abs(joined[: len(apart[0])] - apart[0]).max() <= 1e-6
    assert np.abs(joined[len(apart[0]) + pause :] - apart[1]).max() <= 1e-6
    assert not joined[len(apart[0]) : len(apart[0]) + pause].any()


def test_a_text_beyond_the_languages_limit_is_said_in_pieces(greedy, voices):
    long = " ".join(["please wait for me at the station"] * 30)
    before = greedy.status()["utterances"]
    (speech,) = greedy.speak([SpeakRequest(long, "en", voices[0])])
    assert isinstance(speech, Speech)
    assert greedy.status()["utterances"] - before >= len(long) / 250


def test_figures_that_become_too_many_words_are_halved_until_they_fit(greedy, voices):
    figures = " ".join(["777777777777"] * 19)
    (speech,) = greedy.speak([SpeakRequest(figures, "en", voices[0])])
    assert isinstance(speech, Speech)
