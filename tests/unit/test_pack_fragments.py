from itertools import product

from models.packs.fragments import find_fragments, join, tokenise

SUBJECTS = {"my mother": "ma mère", "the driver": "le chauffeur", "our neighbour": "notre voisin"}
VERBS = {"sees": "voit", "knows": "connaît", "calls": "appelle"}
OBJECTS = {"the black cat": "le chat noir", "a red car": "une voiture rouge", "her sister": "sa sœur"}
PAIRS = [
    (f"{s.capitalize()} {v} {o}.", f"{SUBJECTS[s].capitalize()} {VERBS[v]} {OBJECTS[o]}.")
    for s, v, o in product(SUBJECTS, VERBS, OBJECTS)
]


def test_given_sentences_built_from_parts_then_the_parts_are_found():
    found = find_fragments(PAIRS)

    for parts in (SUBJECTS, VERBS, OBJECTS):
        for pair in parts.items():
            assert pair in found


def test_given_words_in_another_order_then_the_phrase_holds_both():
    found = dict(find_fragments(PAIRS))

    assert ("black cat", "chat noir") in found
    assert all(not (source.endswith("black") and target.endswith("noir")) for source, target in found if " " in source)


def test_a_phrase_seen_less_often_than_asked_is_left_out():
    counts = find_fragments(PAIRS, least=9)

    assert ("my mother", "ma mère") in counts
    assert ("my mother sees", "ma mère voit") not in counts


def test_no_fragment_begins_or_ends_with_punctuation():
    for pair in find_fragments(PAIRS):
        for text in pair:
            assert text[0].isalnum()
            assert text[-1].isalnum()


def test_tokens_join_to_the_text_they_came_from():
    for text in ("j'ai perdu l'invitation", "the man, who left early", "two or three"):
        assert join(tokenise(text)) == text
