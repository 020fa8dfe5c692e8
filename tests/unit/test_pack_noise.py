import random

import pytest

from models.packs import noise


@pytest.mark.parametrize("seed", range(20))
def test_a_shared_number_becomes_the_same_digits_on_both_sides(seed):
    pair = ("Ten minutes late again.", "Encore dix minutes de retard.")

    source, target = noise.with_numerals(pair, "en", "fr", random.Random(seed))

    digits = source.split()[0]
    assert digits.isdigit()
    assert target == f"Encore {digits} minutes de retard."


@pytest.mark.parametrize(
    "pair",
    [
        ("I have two sons and three daughters.", "J'ai deux fils et trois filles."),
        ("It is nine o'clock.", "Il est midi."),
        ("The car is here.", "La voiture neuve est ici."),
    ],
)
def test_a_pair_without_exactly_one_shared_number_stays_as_it_is(pair):
    assert noise.with_numerals(pair, "en", "fr", random.Random(0)) == pair


def test_a_name_that_both_sides_share_is_replaced_on_both():
    pair = ("Tell Anna that I called.", "Dites à Anna que j'ai appelé.")
    names = noise.shared_names([pair])

    source, target = noise.with_other_name(pair, names, random.Random(3))

    new = source.split()[1]
    assert names == {"Anna"}
    assert new != "Anna"
    assert target == f"Dites à {new} que j'ai appelé."


def test_a_capital_at_the_start_of_a_sentence_is_no_name():
    assert noise.shared_names([("Important news today.", "Important message aujourd'hui.")]) == frozenset()


def test_what_is_heard_keeps_every_word_in_its_order():
    text = "¿Dónde está, señor; el informe de Ana?"
    words = ["dónde", "está", "señor", "el", "informe", "de", "ana"]
    for seed in range(50):
        heard = noise.as_heard(text, "es", random.Random(seed))
        assert [word.strip("¿?,;:.") for word in heard.lower().split()] == words


def test_english_contractions_are_opened_and_closed():
    heard = {noise.as_heard("I'm late and it is dark", "en", random.Random(seed)) for seed in range(60)}

    assert "I am late and it is dark" in heard
    assert "I'm late and it's dark" in heard


def test_the_same_seed_gives_the_same_noise():
    texts = [noise.as_heard("I don't know, really!", "en", random.Random(7)) for _ in range(2)]

    assert texts[0] == texts[1]
