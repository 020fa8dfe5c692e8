"""The guard that tells translations from garbage."""

import pytest

from appliance.engines.argos_guard import longest_repeat, looks_broken, most_tokens


@pytest.mark.parametrize(
    ("tokens", "repeats"),
    [("", 0), ("a", 1), ("a b c", 1), ("a a a b", 3), ("a b a b a b", 3), ("x a b c a b c", 2), ("a b a", 1)],
)
def test_repeats_are_counted_for_sequences_of_any_width(tokens, repeats):
    assert longest_repeat(tokens.split()) == repeats


def test_an_ordinary_translation_passes():
    assert looks_broken(["I", "am", "very", "very", "late"], ["je", "suis", "très", "très", "en", "retard"]) is None


def test_an_empty_translation_is_broken():
    assert looks_broken(["hello"], []) == "empty"


def test_a_loop_is_broken_and_the_same_loop_in_the_source_is_not():
    loop = ["non", "non", "non", "non", "non", "non"]
    assert looks_broken(["no", "way", "to", "say", "it", "differently"], loop) == "repeats itself"
    assert looks_broken(["no", "no", "no", "no", "no", "no"], loop) is None


def test_a_translation_far_longer_than_its_source_is_broken():
    words = [str(number) for number in range(most_tokens(5) + 1)]
    assert looks_broken(["a", "b", "c", "d", "e"], words) == "far longer than its source"
    assert looks_broken(["a", "b", "c", "d", "e"], words[:-1]) is None
