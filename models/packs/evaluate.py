"""What a starter pack is worth: chrF on sentences that it never saw, beside doing nothing and beside Apertium.

Runs on the base install. chrF is sacrebleu's (chrF2, Popović 2015), 0 to 100.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import sacrebleu

from models.packs import apertium
from models.packs.pack import opened
from models.packs.phrases import DIRECTIONS, held_out_phrases, load_base

PACKS = Path(__file__).parent
CORPUS = PACKS.parent / "corpus"
HELD_OUT = "held-out"
RECORDINGS = "recordings"

# What is said in the recordings of human speech. These sentences stand in the training corpus, openly.
SPOKEN = (
    "And so, my fellow Americans: ask not what your country can do for you, ask what you can do for your country.",
    "The child almost hurt the small dog.",
    "Drop the two when you add the figures.",
    "Sunday is the best part of the week.",
    "The pencils have all been used.",
    "We are sure that one war is enough.",
    "What joy there is in living.",
    "Tear a thin sheet from the yellow pad.",
    "Mend the coat before you go out.",
    "Jump the fence and hurry up the bank.",
    "Canned pears lack full flavor.",
    "Unless a system is established for the frequent, formal review of activities thereunder. In this regard.",
)

Texts = Sequence[str]


@dataclass(frozen=True)
class Row:
    """One direction on one set of sentences; `apertium` is None where it is not installed or has no such pair."""

    source: str
    target: str
    sentences: str
    count: int
    exact: int
    pack: float
    copy: float
    apertium: float | None
    apertium_note: str
    pack_bytes: int


def evaluate(packs: Path = PACKS, corpus: Path = CORPUS) -> list[Row]:
    """Measure the pack of each direction in the folder `packs`; raises `FileNotFoundError` where one is missing."""
    sets = sentence_sets(corpus)
    rows = []
    for source, target in DIRECTIONS:
        path = packs / f"{source}_{target}.argosmodel"
        with opened(path) as pack:
            for name, phrases in sets.items():
                sources = [phrase[source] for phrase in phrases]
                references = [phrase[target] for phrase in phrases]
                rows.append(_measure(pack.translate, source, target, name, sources, references, path.stat().st_size))
    return rows


def sentence_sets(corpus: Path) -> dict[str, list[dict[str, str]]]:
    """Return the sets to measure on, each phrase by language: never trained on, and the recordings' texts."""
    held_out = held_out_phrases(corpus)
    spoken = {phrase.en: phrase for phrase in load_base(corpus) if phrase.origin == RECORDINGS}
    return {
        name: [{language: phrase.text(language) for language in ("en", "fr", "es")} for phrase in phrases]
        for name, phrases in ((HELD_OUT, held_out), (RECORDINGS, [spoken[text] for text in SPOKEN]))
    }


def chrf(hypotheses: Texts, references: Texts) -> float:
    """Return the corpus chrF, 0 to 100, to one decimal."""
    return round(sacrebleu.corpus_chrf(list(hypotheses), [list(references)]).score, 1)


def _measure(
    translate: Callable[[Texts], list[str]],
    source: str,
    target: str,
    name: str,
    sources: Texts,
    references: Texts,
    pack_bytes: int,
) -> Row:
    translated = translate(sources)
    if (source, target) not in apertium.MODES:
        beside, note = None, "no such pair"
    elif not apertium.available(source, target):
        beside, note = None, "not installed"
    else:
        beside, note = chrf(apertium.translate(sources, source, target), references), ""
    return Row(
        source=source,
        target=target,
        sentences=name,
        count=len(sources),
        exact=sum(text == reference for text, reference in zip(translated, references, strict=True)),
        pack=chrf(translated, references),
        copy=chrf(sources, references),
        apertium=beside,
        apertium_note=note,
        pack_bytes=pack_bytes,
    )


def document(rows: list[Row]) -> dict[str, object]:
    """Return the rows as one JSON-ready document."""
    return {"metric": "chrF2", "rows": [asdict(row) for row in rows]}


def table(rows: list[Row]) -> str:
    """Return the rows as a table for a terminal."""
    lines = [f"{'pair':7}{'sentences':12}{'count':>6}{'exact':>7}{'pack':>7}{'copy':>7}  {'Apertium':14}{'size':>8}"]
    for row in rows:
        beside = row.apertium_note if row.apertium is None else f"{row.apertium:.1f}"
        lines.append(
            f"{row.source}>{row.target:4}{row.sentences:12}{row.count:6}{row.exact:7}{row.pack:7.1f}{row.copy:7.1f}"
            f"  {beside:14}{row.pack_bytes / 1e6:5.1f} MB"
        )
    lines.append("chrF2, 0 to 100. The recordings' sentences stand in the training corpus; the held-out ones do not.")
    return "\n".join(lines)
