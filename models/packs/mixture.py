"""What the network sees while it trains: sentences, variants and fragments at random, written as they are heard."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

import sentencepiece

from models.packs import noise
from models.packs.noise import Pair
from models.packs.vocabulary import EOS_ID, UNK_ID, start_token

SHARES = {"base": 0.5, "variants": 0.28, "fragments": 0.16, "recordings": 0.06}
SEVERAL_SENTENCES = 0.15
HIDDEN_PIECES = 0.02
SUBWORD_SAMPLING = 0.2
"""Unigram sampling temperature; Kudo (2018) found 0.1 to 0.5 good for small corpora."""
LONGEST_PIECES = 120


@dataclass(frozen=True)
class Direction:
    """One language pair's training text: written sentences, slot-filled variants, fragments, the recordings' texts."""

    source: str
    target: str
    pools: dict[str, list[Pair]]
    names: frozenset[str]


@dataclass(frozen=True)
class Example:
    """One pair as piece ids, each closed by the end token, and the target language's start token's id."""

    source: list[int]
    target: list[int]
    start: int


def draw(direction: Direction, rng: random.Random) -> Pair:
    """Draw one training pair: a fragment, or one to three sentences, the source side as a recogniser may write it."""
    pools = {name: pool for name, pool in direction.pools.items() if pool}
    kind = rng.choices(list(pools), [SHARES[name] for name in pools])[0]
    if kind == "fragments":
        return rng.choice(pools[kind])
    sentences = [_vary(rng.choice(pools[kind]), direction, rng)]
    if rng.random() < SEVERAL_SENTENCES:
        whole = [name for name in pools if name != "fragments"]
        more = [_vary(rng.choice(pools[rng.choice(whole)]), direction, rng) for _ in range(rng.choice((1, 1, 2)))]
        sentences += more
    source = " ".join(source for source, _ in sentences)
    return noise.as_heard(source, direction.source, rng), " ".join(target for _, target in sentences)


def _vary(pair: Pair, direction: Direction, rng: random.Random) -> Pair:
    if rng.random() < 0.3:
        pair = noise.with_numerals(pair, direction.source, direction.target, rng)
    if rng.random() < 0.5:
        pair = noise.with_other_name(pair, direction.names, rng)
    return pair


def encode(pair: Pair, target: str, pieces: sentencepiece.SentencePieceProcessor, rng: random.Random) -> Example:
    """Cut a pair into pieces, most times not the likeliest cut, and hide a few of the source's."""
    source = pieces.encode(pair[0], **_sampling(0.3, rng))
    hidden = [UNK_ID if rng.random() < HIDDEN_PIECES else piece for piece in source]
    translated = pieces.encode(pair[1], **_sampling(0.1, rng))
    return Example([*hidden, EOS_ID], [*translated, EOS_ID], pieces.piece_to_id(start_token(target)))


def _sampling(share: float, rng: random.Random) -> dict[str, object]:
    if rng.random() >= share:
        return {}
    return {"enable_sampling": True, "alpha": SUBWORD_SAMPLING, "nbest_size": -1}


def batches(
    directions: list[Direction],
    pieces: sentencepiece.SentencePieceProcessor,
    rng: random.Random,
    pieces_per_batch: int,
) -> Iterator[list[Example]]:
    """Yield batches for ever, of examples of like length and about `pieces_per_batch` padded pieces a side."""
    while True:
        pool = []
        while len(pool) < 1500:
            direction = rng.choice(directions)
            example = encode(draw(direction, rng), direction.target, pieces, rng)
            if _length(example) <= LONGEST_PIECES:
                pool.append(example)
        pool.sort(key=_length)
        ready, batch = [], []
        for example in pool:
            if batch and (len(batch) + 1) * _length(example) > pieces_per_batch:
                ready.append(batch)
                batch = []
            batch.append(example)
        ready.append(batch)
        rng.shuffle(ready)
        yield from ready


def _length(example: Example) -> int:
    return max(len(example.source), len(example.target))
