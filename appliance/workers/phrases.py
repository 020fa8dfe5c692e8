"""The phrase library's beginning: the project's own phrase corpus, put into the database once."""

import logging
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from appliance.cache.keys import normalised, phrase_key
from appliance.storage.database import Database
from appliance.storage.tables import phrases
from models.packs.phrases import DIRECTIONS, RECORDINGS_ORIGIN, Phrase, generate, load_base

log = logging.getLogger(__name__)

CORPUS = Path(__file__).resolve().parents[2] / "models" / "corpus"
ORIGIN = "corpus"
PER_TEMPLATE = 40
"""Variants taken of each template: enough for more than 10,000 pairs per direction, loaded in a few seconds."""


def load_phrases(database: Database) -> int:
    """Fill the library if it is empty, and return how many pairs it holds."""
    with database.read() as connection:
        held = connection.scalar(sa.select(sa.func.count()).select_from(phrases)) or 0
    if held:
        return held
    rows = {}
    for phrase in _corpus():
        for source, target in DIRECTIONS:
            key = phrase_key(phrase.text(source), source, target)
            rows.setdefault(key, {
                "key": key, "source": source, "target": target, "text": normalised(phrase.text(target)),
                "origin": ORIGIN,
            })  # fmt: skip
    with database.write() as connection:
        if not connection.scalar(sa.select(sa.func.count()).select_from(phrases)):
            connection.execute(sa.insert(phrases), list(rows.values()))
    log.info("phrase library filled", extra={"pairs": len(rows)})
    return len(rows)


def _corpus() -> Iterator[Phrase]:
    # The recordings' sentences stay out: what the demo and the benches say must come from the translation models.
    yield from (phrase for phrase in load_base(CORPUS) if phrase.origin != RECORDINGS_ORIGIN)
    yield from generate(CORPUS, PER_TEMPLATE, seed=0)
