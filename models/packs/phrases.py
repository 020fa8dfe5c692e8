"""The parallel phrase corpus: hand-written phrases plus slot-filled templates.

Base phrases are read from ``<corpus>/base/*.tsv``; templates and their slot
inventories from ``<corpus>/templates.toml`` and ``<corpus>/slots.toml``.  A
template is filled piece by piece, and each join makes the contraction or
elision its language asks for (``de`` + ``le bureau`` gives ``du bureau``), so
a pronoun inside a filler is never mistaken for an article.
"""

from __future__ import annotations

import hashlib
import math
import random
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LANGUAGES = ("en", "fr", "es")
DIRECTIONS = (("en", "fr"), ("en", "es"), ("fr", "en"), ("es", "en"))
RECORDINGS_ORIGIN = "recordings"
TEMPLATE_ORIGIN = "templates"
HELD_OUT_SHARE = 0.06
DEFAULT_LIMIT = 120

Entry = dict[str, str]
Slots = dict[str, list[Entry]]


class CorpusError(ValueError):
    """Says which corpus file, and where in it, cannot be used."""


@dataclass(frozen=True)
class Phrase:
    """One sentence in the three languages and the file it comes from."""

    en: str
    fr: str
    es: str
    origin: str

    def text(self, language: str) -> str:
        """Return the sentence in one of the three languages."""
        if language not in LANGUAGES:
            raise CorpusError(f"unknown language {language!r}")
        return {"en": self.en, "fr": self.fr, "es": self.es}[language]


@dataclass(frozen=True)
class Slot:
    """One slot of a template: its class, its number there and its form."""

    name: str
    number: str
    form: str

    @property
    def key(self) -> str:
        """Return the part that the three languages of a template share."""
        return self.name + self.number


@dataclass(frozen=True)
class Template:
    """One template: for each language its literal pieces and slots in order."""

    pieces: dict[str, tuple[str | Slot, ...]]
    keys: tuple[str, ...]


# --- joining a filler to the words before it ---------------------------------

_FR_VOWEL = re.compile(r"[aeiouàâäéèêëîïôöùûüœæ]|yeux|y(?![aeiouàâéèêëîôùû])", re.IGNORECASE)
_FR_ELIDED = re.compile(
    r"(?:^|(?<=[\s'(]))(je|de|que|le|la|ne|se|me|te|lorsque|puisque|jusque|quoique) $",
    re.IGNORECASE,
)
_FR_SI = re.compile(r"(?:^|(?<=[\s']))(s)i $", re.IGNORECASE)
_FR_PREPOSITION = re.compile(r"(?:^|(?<=[\s'(]))(de|à) $", re.IGNORECASE)
_FR_MERGED = {
    ("de", "le "): "du ",
    ("de", "les "): "des ",
    ("à", "le "): "au ",
    ("à", "les "): "aux ",
}
# Words before which nothing is elided: h aspiré, and a few numbers and loans.
_FR_NOT_ELIDED = re.compile(
    r"(?:hache|haie|haine|hall|halle|halte|hamac|hamburger|hameau|hamster|hanche|hand-?ball"
    r"|handicap|hangar|harcèlement|haricot|hasard|hâte|hausse|haut|haute|haut-parleur|hauteur"
    r"|havre|hérisson|héron|héros|hibou|hockey|hollandais|hollande|homard|hongrie|hongrois"
    r"|honte|hors|housse|hublot|huée|huit|huitaine|huitième|hurlement|hutte"
    r"|onze|onzième|oui|ouistiti|yaourt|yoga)s?\b",
    re.IGNORECASE,
)
_EN_VOWEL_SOUND = re.compile(r"(?!uni|use|usu|ut|eu|one\b|once\b)[aeiou]|hour|honest|heir", re.IGNORECASE)
_ES_I_SOUND = re.compile(r"h?[ií](?![aeoáéó])", re.IGNORECASE)
_ES_O_SOUND = re.compile(r"h?[oó]", re.IGNORECASE)


def join_english(before: str, filler: str) -> str:
    """Append a filler to English text, turning "a" into "an" before a vowel sound."""
    if re.search(r"\b[Aa] $", before) and _EN_VOWEL_SOUND.match(filler):
        return before[:-1] + "n " + filler
    return before + filler


def _french_vowel_start(word: str) -> bool:
    if _FR_NOT_ELIDED.match(word):
        return False
    return bool(_FR_VOWEL.match(word)) or word[:1] in ("h", "H")


def join_french(before: str, filler: str) -> str:
    """Append a filler to French text with its contraction or elision."""
    preposition = _FR_PREPOSITION.search(before)
    if preposition:
        word = preposition.group(1)
        for article in ("le ", "les "):
            if filler.startswith(article):
                merged = _FR_MERGED[word.lower(), article]
                if word[0].isupper():
                    merged = merged.capitalize()
                return before[: preposition.start(1)] + merged + filler[len(article) :]
    elided = _FR_ELIDED.search(before)
    if elided and _french_vowel_start(filler):
        return before[: elided.end(1) - 1] + "'" + filler
    if _FR_SI.search(before) and re.match(r"ils?\b", filler):
        return before[:-2] + "'" + filler
    return before + filler


def join_spanish(before: str, filler: str) -> str:
    """Append a filler to Spanish text with al, del, e and u where needed."""
    if filler.startswith("el ") and re.search(r"\b([Aa]|[Dd]e) $", before):
        return before[:-1] + "l " + filler[3:]
    if re.search(r"\by $", before) and _ES_I_SOUND.match(filler):
        return before[:-2] + "e " + filler
    if re.search(r"\bo $", before) and _ES_O_SOUND.match(filler):
        return before[:-2] + "u " + filler
    return before + filler


JOINERS: dict[str, Callable[[str, str], str]] = {
    "en": join_english,
    "fr": join_french,
    "es": join_spanish,
}

_SENTENCE_START = re.compile(r"(^|[.!?]\s+)([¿¡]*)([^\W\d_])")


def capitalise(text: str) -> str:
    """Put a capital at the start of each sentence, after ¿ or ¡ if there is one."""
    return _SENTENCE_START.sub(lambda m: m.group(1) + m.group(2) + m.group(3).upper(), text)


# --- reading the files ---------------------------------------------------------

_HEADER = ["en", "fr", "es"]


def load_base(folder: Path) -> list[Phrase]:
    """Read every phrase of ``<folder>/base/*.tsv``, or of the folder itself, by file name."""
    base = folder / "base" if (folder / "base").is_dir() else folder
    if not base.is_dir():
        raise CorpusError(f"{base}: no such folder")
    return [phrase for path in sorted(base.glob("*.tsv")) for phrase in _read_table(path)]


def _read_table(path: Path) -> Iterator[Phrase]:
    lines = path.read_text(encoding="utf-8").split("\n")
    if lines[0].rstrip("\r").split("\t") != _HEADER:
        raise CorpusError(f"{path}:1: the header is not en, fr, es separated by tabs")
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip():
            continue
        cells = [cell.strip() for cell in line.split("\t")]
        if len(cells) != len(_HEADER):
            raise CorpusError(f"{path}:{number}: {len(cells)} columns instead of {len(_HEADER)}")
        if not all(cells):
            raise CorpusError(f"{path}:{number}: an empty column")
        yield Phrase(cells[0], cells[1], cells[2], path.stem)


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise CorpusError(f"{path}: {error}") from error


def load_slots(path: Path) -> Slots:
    """Read the slot inventories, with each union class spelled out."""
    data = _read_toml(path)
    unions = data.pop("union", {})
    slots: Slots = {}
    for name, entries in data.items():
        for entry in entries:
            if not all(entry.get(language) for language in LANGUAGES):
                raise CorpusError(f"{path}: class {name}: {entry} lacks a language")
        slots[name] = entries
    for name, members in unions.items():
        unknown = [member for member in members if member not in data]
        if name in data or unknown:
            raise CorpusError(f"{path}: union {name}: name taken or unknown members {unknown}")
        slots[name] = [entry for member in members for entry in data[member]]
    return slots


_SLOT = re.compile(r"\{([a-z_]+)(\d?)(?::([a-z]+))?\}")


def load_templates(path: Path, slots: Slots) -> list[Template]:
    """Read the templates and check each against the slot inventories."""
    templates = []
    for number, row in enumerate(_read_toml(path).get("template", []), start=1):
        where = f"{path}: template {number}"
        if set(row) != set(LANGUAGES):
            raise CorpusError(f"{where}: needs exactly en, fr and es")
        pieces = {language: _parse(row[language], where) for language in LANGUAGES}
        keys = {language: sorted({slot.key for slot in _slots_of(pieces[language])}) for language in LANGUAGES}
        if not keys["en"] or keys["fr"] != keys["en"] or keys["es"] != keys["en"]:
            raise CorpusError(f"{where}: the languages use different slots, or none")
        for language in LANGUAGES:
            for slot in _slots_of(pieces[language]):
                _check_slot(slot, language, slots, where)
        templates.append(Template(pieces, tuple(keys["en"])))
    return templates


def _slots_of(pieces: Iterable[str | Slot]) -> list[Slot]:
    return [piece for piece in pieces if isinstance(piece, Slot)]


def _parse(text: str, where: str) -> tuple[str | Slot, ...]:
    pieces: list[str | Slot] = []
    end = 0
    for match in _SLOT.finditer(text):
        pieces.append(text[end : match.start()])
        pieces.append(Slot(match.group(1), match.group(2), match.group(3) or ""))
        end = match.end()
    pieces.append(text[end:])
    if any(isinstance(piece, str) and re.search(r"[{}]", piece) for piece in pieces):
        raise CorpusError(f"{where}: {text!r} has a malformed slot")
    return tuple(piece for piece in pieces if piece != "")


def _check_slot(slot: Slot, language: str, slots: Slots, where: str) -> None:
    if slot.name not in slots:
        raise CorpusError(f"{where}: no slot class {slot.name!r}")
    field = f"{language}_{slot.form}"
    if slot.form and not any(field in entry for entry in slots[slot.name]):
        raise CorpusError(f"{where}: class {slot.name!r} has no form {field!r}")


# --- filling templates ----------------------------------------------------------


def _fill(template: Template, chosen: dict[str, Entry], origin: str = TEMPLATE_ORIGIN) -> Phrase:
    texts = {}
    for language in LANGUAGES:
        text = ""
        for piece in template.pieces[language]:
            if isinstance(piece, str):
                text += piece
                continue
            entry = chosen[piece.key]
            filler = entry.get(f"{language}_{piece.form}", entry[language])
            text = JOINERS[language](text, filler)
        texts[language] = capitalise(text)
    return Phrase(texts["en"], texts["fr"], texts["es"], origin)


def _class_of(key: str) -> str:
    return key.rstrip("0123456789")


def _variants(template: Template, slots: Slots, limit: int, seed: int) -> Iterator[Phrase]:
    inventories = [slots[_class_of(key)] for key in template.keys]
    total = math.prod(len(inventory) for inventory in inventories)
    name = f"{seed}|{template.pieces['en']}|{template.pieces['fr']}"
    rng = random.Random(int.from_bytes(hashlib.sha256(name.encode()).digest(), "big"))  # noqa: S311 - a reproducible draw
    made = 0
    for drawn in rng.sample(range(total), min(total, 2 * limit)):
        rest = drawn
        chosen: dict[str, Entry] = {}
        for key, inventory in zip(template.keys, inventories, strict=True):
            rest, position = divmod(rest, len(inventory))
            chosen[key] = inventory[position]
        if _repeats(chosen):
            continue
        yield _fill(template, chosen)
        made += 1
        if made == limit:
            return


def _repeats(chosen: dict[str, Entry]) -> bool:
    return any(len({entry[language] for entry in chosen.values()}) < len(chosen) for language in LANGUAGES)


def generate(corpus: Path, limit_per_template: int, seed: int) -> Iterator[Phrase]:
    """Yield slot-filled phrases, each once, the same ones for the same seed."""
    slots = load_slots(corpus / "slots.toml")
    seen: set[str] = set()
    for template in load_templates(corpus / "templates.toml", slots):
        for phrase in _variants(template, slots, limit_per_template, seed):
            if phrase.en.casefold() not in seen:
                seen.add(phrase.en.casefold())
                yield phrase


# --- held-out phrases and training pairs ------------------------------------------


def is_held_out(phrase: Phrase) -> bool:
    """Tell whether a phrase belongs to the held-out share, which recordings never do."""
    if phrase.origin == RECORDINGS_ORIGIN:
        return False
    digest = hashlib.sha256(phrase.en.strip().casefold().encode()).digest()
    return int.from_bytes(digest[:8], "big") < HELD_OUT_SHARE * 2**64


def _bare(text: str) -> str:
    """Reduce a text to its words, so that punctuation and case cannot hide a repeat."""
    return " ".join(re.findall(r"\w+", text.casefold()))


def _bare_texts(phrases: Iterable[Phrase]) -> dict[str, set[str]]:
    texts: dict[str, set[str]] = {language: set() for language in LANGUAGES}
    for phrase in phrases:
        for language in LANGUAGES:
            texts[language].add(_bare(phrase.text(language)))
    return texts


def _shares_text(phrase: Phrase, texts: dict[str, set[str]], languages: Iterable[str]) -> bool:
    return any(_bare(phrase.text(language)) in texts[language] for language in languages)


def held_out_phrases(corpus: Path) -> list[Phrase]:
    """Return the base phrases to measure with: held out and unlike every recording."""
    base = load_base(corpus)
    recorded = _bare_texts(phrase for phrase in base if phrase.origin == RECORDINGS_ORIGIN)
    return [phrase for phrase in base if is_held_out(phrase) and not _shares_text(phrase, recorded, LANGUAGES)]


def direction_pairs(
    corpus: Path,
    source: str,
    target: str,
    limit_per_template: int = DEFAULT_LIMIT,
    seed: int = 0,
) -> list[tuple[str, str]]:
    """Return the training pairs of one direction, base phrases first, one per source text."""
    if (source, target) not in DIRECTIONS:
        raise CorpusError(f"no direction {source}>{target}")
    held_out = _bare_texts(held_out_phrases(corpus))
    pairs: dict[str, tuple[str, str]] = {}
    for phrase in [*load_base(corpus), *generate(corpus, limit_per_template, seed)]:
        recorded = phrase.origin == RECORDINGS_ORIGIN
        if not recorded and (is_held_out(phrase) or _shares_text(phrase, held_out, (source, target))):
            continue
        text = phrase.text(source)
        pairs.setdefault(text.casefold(), (text, phrase.text(target)))
    return list(pairs.values())
