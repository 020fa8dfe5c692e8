import random
from itertools import islice

import pytest
import sentencepiece

from models.packs.mixture import Direction, batches, draw, encode
from models.packs.vocabulary import EOS_ID, LANGUAGES, start_token, train_vocabulary

BASE = [(f"The {thing} is here.", f"Voici {french}.") for thing, french in (("cat", "le chat"), ("dog", "le chien"))]
FRAGMENTS = [("the cat", "le chat")]
DIRECTION = Direction("en", "fr", {"base": BASE, "variants": [], "fragments": FRAGMENTS}, frozenset())


@pytest.fixture(scope="module")
def pieces():
    return sentencepiece.SentencePieceProcessor(model_proto=train_vocabulary([t for p in BASE for t in p] * 9, 300))


def test_every_letter_that_the_languages_need_is_in_the_vocabulary(pieces):
    text = "Çà et là, ¿qué? ¡Año 2027! 100 % naïf… œuvre"

    assert pieces.unk_id() not in pieces.encode(text)


def test_each_language_has_a_start_token_that_no_text_contains(pieces):
    ids = {pieces.piece_to_id(start_token(language)) for language in LANGUAGES}

    assert len(ids) == 3
    assert pieces.unk_id() not in ids
    assert not ids & set(pieces.encode("<2en> <2fr> <2es>"))


def test_the_target_side_is_always_made_of_unchanged_corpus_texts():
    found = {target for pool in DIRECTION.pools.values() for _, target in pool}
    targets = sorted(found, key=len, reverse=True)  # a fragment may stand inside a sentence
    for seed in range(200):
        _, target = draw(DIRECTION, random.Random(seed))
        for text in targets:
            target = target.replace(text, "")
        assert not target.strip()


def test_an_example_decodes_to_its_target_however_it_was_cut(pieces):
    for seed in range(20):
        example = encode(BASE[0], "fr", pieces, random.Random(seed))

        assert pieces.decode(example.target[:-1]) == BASE[0][1]
        assert example.source[-1] == example.target[-1] == EOS_ID
        assert example.start == pieces.piece_to_id("<2fr>")


def test_a_batch_stays_within_its_pieces_when_padded(pieces):
    for batch in islice(batches([DIRECTION], pieces, random.Random(0), 200), 50):
        longest = max(max(len(example.source), len(example.target)) for example in batch)
        assert len(batch) * longest <= 200 or len(batch) == 1


def test_the_same_seeds_give_the_same_batches(pieces):
    def first_batches():
        sentencepiece.set_random_generator_seed(4)
        return list(islice(batches([DIRECTION], pieces, random.Random(4), 200), 5))

    assert first_batches() == first_batches()
