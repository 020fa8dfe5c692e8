"""The phrase library's beginning: the project's own phrase corpus, put into the database once per version of it."""

import hashlib
import logging
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from appliance.cache.keys import normalised, phrase_key
from appliance.jobs.locks import hold_names
from appliance.storage.database import Database
from appliance.storage.tables import phrases
from models.packs.phrases import DIRECTIONS, RECORDINGS_ORIGIN, Phrase, generate, load_base

log = logging.getLogger(__name__)

CORPUS = Path(__file__).resolve().parents[2] / "models" / "corpus"
ORIGIN = "corpus"
PER_TEMPLATE = 40
"""Variants taken of each template: enough for more than 10,000 pairs per direction, loaded in a few seconds."""


def load_phrases(database: Database, corpus: Path = CORPUS) -> int:
    """Bring the library's corpus part to this corpus, and return how many pairs that part holds.

    Pairs of an earlier version of the corpus go; pairs of any other origin stay and win over the corpus.
    """
    origin = f"{ORIGIN}:{_digest(corpus)}"
    with database.read() as connection:
        held = _held(connection, origin)
    if held:
        return held
    rows = list(_rows(corpus, origin))
    with database.write() as connection:
        hold_names(connection, ["phrases"])  # of workers that start together, one fills it
        if not _held(connection, origin):
            connection.execute(sa.delete(phrases).where(phrases.c.origin.startswith(ORIGIN)))
            taken = set(connection.scalars(sa.select(phrases.c.key)))
            connection.execute(sa.insert(phrases), [row for row in rows if row["key"] not in taken])
    log.info("phrase library filled", extra={"pairs": len(rows)})
    return len(rows)


def _held(connection: sa.Connection, origin: str) -> int:
    count = sa.select(sa.func.count()).select_from(phrases).where(phrases.c.origin == origin)
    return connection.scalar(count) or 0


def _rows(corpus: Path, origin: str) -> Iterator[dict[str, str]]:
    seen = set()
    for phrase in _corpus(corpus):
        for source, target in DIRECTIONS:
            key = phrase_key(phrase.text(source), source, target)
            if key not in seen:
                seen.add(key)
                text = normalised(phrase.text(target))
                yield {"key": key, "source": source, "target": target, "text": text, "origin": origin}


def _digest(corpus: Path) -> str:
    digest = hashlib.sha256(str(PER_TEMPLATE).encode())
    for path in sorted(path for path in corpus.rglob("*") if path.suffix in (".tsv", ".toml")):
        digest.update(path.relative_to(corpus).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def _corpus(corpus: Path) -> Iterator[Phrase]:
    # The recordings' sentences stay out: what the demo and the benches say must come from the translation models.
    yield from (phrase for phrase in load_base(corpus) if phrase.origin != RECORDINGS_ORIGIN)
    yield from generate(corpus, PER_TEMPLATE, seed=0)
