"""The phrase library's beginning: the project's own phrase corpus, put into the database once per version of it."""

import hashlib
import logging
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from appliance.cache.keys import normalised, phrase_key
from appliance.cache.library import CORPUS as ORIGIN
from appliance.cache.phrase_form import FORM_VERSION
from appliance.jobs.locks import hold_names
from appliance.storage.database import Database
from appliance.storage.tables import phrases
from models.packs.phrases import DIRECTIONS, RECORDINGS_ORIGIN, Phrase, generate, load_base

log = logging.getLogger(__name__)

CORPUS = Path(__file__).resolve().parents[2] / "models" / "corpus"
_COUNTED = phrases.c.rank.is_not(None)
PER_TEMPLATE = 40
"""Variants taken of each template: enough for more than 10,000 pairs per direction, loaded in a few seconds."""


def load_phrases(database: Database, corpus: Path = CORPUS) -> int:
    """Bring the library's corpus part to this corpus, and return how many pairs that part holds.

    Pairs of an earlier version of the corpus go, but how often they were wanted is kept; those of other origins stay.
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
            earlier = phrases.c.origin.startswith(ORIGIN)
            counts = {row.key: row for row in connection.execute(sa.select(phrases).where(earlier, _COUNTED))}
            connection.execute(sa.delete(phrases).where(earlier))
            taken = set(connection.scalars(sa.select(phrases.c.key)))
            new = [row | _count_of(counts.get(row["key"])) for row in rows if row["key"] not in taken]
            connection.execute(sa.insert(phrases), new)
    log.info("phrase library filled", extra={"pairs": len(rows)})
    return len(rows)


def _held(connection: sa.Connection, origin: str) -> int:
    count = sa.select(sa.func.count()).select_from(phrases).where(phrases.c.origin == origin)
    return connection.scalar(count) or 0


def _count_of(row: sa.Row | None) -> dict[str, float | None]:
    """Return how often a phrase of an earlier corpus is wanted, as columns."""
    return {name: None if row is None else getattr(row, name) for name in ("value", "at_s", "rank")}


def _rows(corpus: Path, origin: str) -> Iterator[dict[str, str]]:
    seen = set()
    for phrase in _corpus(corpus):
        for source, target in DIRECTIONS:
            said = phrase.text(source)
            key = phrase_key(said, source, target)
            if key not in seen:
                seen.add(key)
                text = normalised(phrase.text(target))
                yield {"key": key, "source": source, "target": target, "text": text, "said": said, "origin": origin}


def _digest(corpus: Path) -> str:
    digest = hashlib.sha256(f"{PER_TEMPLATE} {FORM_VERSION}".encode())
    for path in sorted(path for path in corpus.rglob("*") if path.suffix in (".tsv", ".toml")):
        digest.update(path.relative_to(corpus).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def _corpus(corpus: Path) -> Iterator[Phrase]:
    # The recordings' sentences stay out: what the demo and the benches say must come from the translation models.
    yield from (phrase for phrase in load_base(corpus) if phrase.origin != RECORDINGS_ORIGIN)
    yield from generate(corpus, PER_TEMPLATE, seed=0)
