"""The stream that the phrase library is measured with, and how its curve is shown."""

import random
from collections import Counter

from appliance.bench.phrases.curve import sparkline
from appliance.bench.phrases.stream import FROM_CORPUS, PHRASES, TARGETS, requests, vocabulary
from appliance.cache.keys import phrase_key
from appliance.workers.phrases import CORPUS
from models.packs.phrases import load_base


def drawn(seed, count=5000):
    rng = random.Random(seed)
    phrases = vocabulary(CORPUS, rng)
    return phrases, list(requests(phrases, count, rng))


def test_the_same_seed_asks_the_same():
    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


def test_some_phrases_stand_in_the_corpus_and_the_others_do_not():
    phrases, _ = drawn(1)
    corpus = {phrase_key(phrase.en, "en", "fr") for phrase in load_base(CORPUS)}
    known = sum(phrase_key(text, "en", "fr") in corpus for text in phrases)
    assert len(set(phrases)) == PHRASES
    assert known == round(PHRASES * FROM_CORPUS)


def test_phrases_are_wanted_as_unevenly_as_words():
    phrases, asked = drawn(1, 50_000)
    counts = Counter(one.text for one in asked)
    first = counts[phrases[0]]
    assert 0.85 < 10 * counts[phrases[9]] / first < 1.15
    assert {one.target for one in asked} == set(TARGETS)
    assert len({one.user for one in asked}) > 10


def test_a_sparkline_goes_from_nothing_to_everything():
    assert sparkline([0.0, 0.5, 1.0]) == "▁▅█"
    assert sparkline([]) == ""
