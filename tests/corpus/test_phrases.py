"""Tests of the phrase corpus: joins, templates, held-out phrases and training pairs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from appliance.workers.phrases import PER_TEMPLATE
from models.packs.phrases import (
    DIRECTIONS,
    LANGUAGES,
    RECORDINGS_ORIGIN,
    CorpusError,
    Phrase,
    capitalise,
    direction_pairs,
    generate,
    held_out_phrases,
    is_held_out,
    join_english,
    join_french,
    join_spanish,
    load_base,
    load_slots,
    load_templates,
)

ROOT = Path(__file__).resolve().parents[2]
CORPUS = ROOT / "models" / "corpus"


@cache
def generated() -> tuple[Phrase, ...]:
    return tuple(generate(CORPUS, 200, 11))


@cache
def pairs(source: str, target: str) -> tuple[tuple[str, str], ...]:
    return tuple(direction_pairs(CORPUS, source, target, PER_TEMPLATE))


def words(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))


def write_corpus(folder: Path, tables: dict[str, list[str]], templates: str, slots: str) -> Path:
    (folder / "base").mkdir(parents=True)
    for name, rows in tables.items():
        text = "\n".join(["en\tfr\tes", *rows]) + "\n"
        (folder / "base" / f"{name}.tsv").write_text(text, encoding="utf-8")
    (folder / "templates.toml").write_text(templates, encoding="utf-8")
    (folder / "slots.toml").write_text(slots, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("before", "filler", "expected"),
    [
        ("Elle revient de ", "le bureau", "Elle revient du bureau"),
        ("Elle parle de ", "les vacances", "Elle parle des vacances"),
        ("Elle va à ", "le marché", "Elle va au marché"),
        ("Il vient de Paris et va à ", "les États-Unis", "Il vient de Paris et va aux États-Unis"),
        ("Je reste jusqu'à ", "le week-end", "Je reste jusqu'au week-end"),
        ("À ", "le mois prochain", "Au mois prochain"),
        ("Elle revient de ", "la gare", "Elle revient de la gare"),
        ("Elle va à ", "l'hôpital", "Elle va à l'hôpital"),
        ("Elle vient de ", "Oslo", "Elle vient d'Oslo"),
        ("J'ai oublié de ", "ouvrir le magasin", "J'ai oublié d'ouvrir le magasin"),
        ("Plus de ", "huile", "Plus d'huile"),
        ("Une douzaine de ", "œufs", "Une douzaine d'œufs"),
        ("Plus de ", "haricots", "Plus de haricots"),
        ("Avant le ", "onze mai", "Avant le onze mai"),
        ("Avant le ", "huit mai", "Avant le huit mai"),
        ("Il faut de ", "huit à dix jours", "Il faut de huit à dix jours"),
        ("Une tasse de ", "yaourt", "Une tasse de yaourt"),
        ("Je crois que ", "il pleut", "Je crois qu'il pleut"),
        ("Est-ce que ", "Emma vient", "Est-ce qu'Emma vient"),
        ("Je crois que ", "le ciel est couvert", "Je crois que le ciel est couvert"),
        ("Si ", "il pleut", "S'il pleut"),
        ("Si ", "elle vient", "Si elle vient"),
        ("Je ", "arrive", "J'arrive"),
        ("Il ne ", "arrive pas", "Il n'arrive pas"),
        ("Dans la salle, ", "Anne attend", "Dans la salle, Anne attend"),
    ],
)
def test_french_joins(before: str, filler: str, expected: str) -> None:
    assert join_french(before, filler) == expected


@pytest.mark.parametrize(
    ("before", "filler", "expected"),
    [
        ("Vuelvo de ", "el banco", "Vuelvo del banco"),
        ("Voy a ", "el banco", "Voy al banco"),
        ("Veo a ", "el señor López", "Veo al señor López"),
        ("A ", "el cliente le gusta", "Al cliente le gusta"),
        ("Vuelvo de ", "la oficina", "Vuelvo de la oficina"),
        ("Voy para ", "el banco", "Voy para el banco"),
        ("Vengo de ", "El Salvador", "Vengo de El Salvador"),
        ("María y ", "Isabel", "María e Isabel"),
        ("Agua y ", "hielo", "Agua y hielo"),
        ("Padres e hijas y ", "hijos", "Padres e hijas e hijos"),
        ("Uno o ", "otro", "Uno u otro"),
        ("Minutos o ", "horas", "Minutos u horas"),
        ("Lima o ", "Quito", "Lima o Quito"),
        ("Lima y ", "Quito", "Lima y Quito"),
    ],
)
def test_spanish_joins(before: str, filler: str, expected: str) -> None:
    assert join_spanish(before, filler) == expected


@pytest.mark.parametrize(
    ("before", "filler", "expected"),
    [
        ("She is a ", "engineer", "She is an engineer"),
        ("She is a ", "doctor", "She is a doctor"),
        ("It takes a ", "hour", "It takes an hour"),
        ("It is a ", "useful tool", "It is a useful tool"),
        ("In Lima ", "every day", "In Lima every day"),
    ],
)
def test_english_joins(before: str, filler: str, expected: str) -> None:
    assert join_english(before, filler) == expected


def test_an_article_of_the_template_itself_is_left_alone() -> None:
    assert join_french("Merci de le ", "signer") == "Merci de le signer"


def test_capitals() -> None:
    assert capitalise("¿está aquí? sí.") == "¿Está aquí? Sí."
    assert capitalise("élan. œuf !") == "Élan. Œuf !"
    assert capitalise("Disculpe, ¿está aquí?") == "Disculpe, ¿está aquí?"


def test_templates_use_known_slots_and_are_many() -> None:
    slots = load_slots(CORPUS / "slots.toml")
    templates = load_templates(CORPUS / "templates.toml", slots)
    assert len(templates) >= 140
    texts = [str(template.pieces["en"]) for template in templates]
    assert len(texts) == len(set(texts))
    for template in templates:
        assert template.keys
        assert all(key.rstrip("0123456789") in slots for key in template.keys)


def test_slot_entries_are_distinct_in_english() -> None:
    for name, entries in load_slots(CORPUS / "slots.toml").items():
        texts = [entry["en"] for entry in entries]
        assert len(texts) == len(set(texts)), name


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ('en="{colour}." \nfr="{colour}." \nes="{colour}."', "no slot class 'colour'"),
        ('en="{thing}." \nfr="Oui." \nes="{thing}."', "different slots"),
        ('en="{thing}." \nfr="{thing:f}." \nes="{thing}."', "no form 'fr_f'"),
        ('en="{thing}." \nfr="{thing." \nes="{thing}."', "malformed slot"),
    ],
)
def test_a_wrong_template_is_refused(tmp_path: Path, template: str, message: str) -> None:
    slots = 'thing = [{en="the key", fr="la clé", es="la llave"}]\n'
    corpus = write_corpus(tmp_path / "corpus", {}, f"[[template]]\n{template}\n", slots)
    with pytest.raises(CorpusError, match=message):
        list(generate(corpus, 5, 0))


def test_generation_is_deterministic_and_without_repeats() -> None:
    once, again, other = (tuple(generate(CORPUS, 20, seed)) for seed in (1, 1, 2))
    assert once == again
    assert once != other
    assert len({phrase.en.casefold() for phrase in generated()}) == len(generated())


def test_generation_does_not_depend_on_the_hash_seed() -> None:
    code = (
        "import hashlib; from pathlib import Path; from models.packs.phrases import generate; "
        f"text = repr(list(generate(Path({str(CORPUS)!r}), 10, 3))); "
        "print(hashlib.sha256(text.encode()).hexdigest())"
    )
    digests = set()
    for hash_seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True, cwd=ROOT)
        digests.add(done.stdout)
    assert len(digests) == 1


def punctuation_faults(phrase: Phrase) -> list[str]:
    faults = []
    for language in LANGUAGES:
        text = phrase.text(language)
        if re.search(r"\s{2}|^\s|\s$|[{}\u2019\u00a0\u202f\t]|\d", text):
            faults.append(f"{language}: space, brace, digit or curly apostrophe")
        if not re.search(r"[.?!]$", text):
            faults.append(f"{language}: no final mark")
        if not text.lstrip("¿¡")[0].isupper():
            faults.append(f"{language}: no capital")
        if re.search(r"[.?!] [a-zàâéèêëîïôœùûñáíóú]", text):
            faults.append(f"{language}: no capital after a full stop")
    if re.search(r"\s[?!:;,.]", phrase.en) or re.search(r"\s[?!:;,.]", phrase.es):
        faults.append("space before a mark in English or Spanish")
    if re.search(r"[^ ][?!:;]|\s[,.]", phrase.fr):
        faults.append("fr: no space before ? ! : ;")
    if re.search(r"\b(?:de|à) les? (?!\w+er\b)|\b(?:[jdlnsm]e|que) [aeiouéèêœ](?!nz)", phrase.fr):
        faults.append("fr: a contraction or an elision is missing")
    if re.search(r"\b(?:a|de) el\b", phrase.es, re.IGNORECASE):
        faults.append("es: a contraction is missing")
    for opening, closing in (("¿", "?"), ("¡", "!")):
        if phrase.es.count(opening) != phrase.es.count(closing):
            faults.append(f"es: {opening} and {closing} do not pair")
    if not phrase.en.count("?") == phrase.fr.count("?") == phrase.es.count("?"):
        faults.append("a question in one language only")
    return faults


def test_punctuation_of_every_generated_phrase() -> None:
    faulty = [(phrase, faults) for phrase in generated() if (faults := punctuation_faults(phrase))]
    assert faulty == []


@pytest.mark.parametrize(("source", "target"), DIRECTIONS)
def test_enough_pairs_in_each_direction(source: str, target: str) -> None:
    found = pairs(source, target)
    sources = [text for text, _ in found]
    assert len(sources) >= 10_000
    assert len(sources) == len(set(sources))
    assert all(text and translation for text, translation in found)


def test_an_unknown_direction_is_refused() -> None:
    with pytest.raises(CorpusError, match="fr>es"):
        direction_pairs(CORPUS, "fr", "es")


@pytest.mark.parametrize(("source", "target"), DIRECTIONS)
def test_held_out_phrases_stay_out_of_training(source: str, target: str) -> None:
    held_out = held_out_phrases(CORPUS)
    sources = {words(phrase.text(source)) for phrase in held_out}
    targets = {words(phrase.text(target)) for phrase in held_out}
    for text, translation in pairs(source, target):
        assert words(text) not in sources
        assert words(translation) not in targets


def test_the_held_out_share_and_the_recordings() -> None:
    many = [Phrase(f"Phrase {number}.", "x", "x", "office") for number in range(5000)]
    assert 0.05 < sum(map(is_held_out, many)) / len(many) < 0.07
    recorded = [Phrase(phrase.en, "x", "x", RECORDINGS_ORIGIN) for phrase in many]
    assert not any(map(is_held_out, recorded))
    first = next(phrase for phrase in many if is_held_out(phrase))
    assert is_held_out(Phrase(first.en.upper(), "y", "y", "other"))


def test_a_template_cannot_bring_a_held_out_phrase_back(tmp_path: Path) -> None:
    numbers = range(400)
    rows = [f"Row {n}.\tLigne {n}.\tFila {n}." for n in numbers]
    entries = ",".join(f'{{en="{n}", fr="{n}", es="{n}"}}' for n in numbers)
    template = '[[template]]\nen="Row {n}!"\nfr="Ligne {n} !"\nes="¡Fila {n}!"\n'
    corpus = write_corpus(tmp_path / "corpus", {"rows": rows}, template, f"n = [{entries}]\n")
    held_out = {words(phrase.en) for phrase in held_out_phrases(corpus)}
    assert held_out
    sources = {words(text) for text, _ in direction_pairs(corpus, "en", "fr", 400)}
    assert not held_out & sources
    assert {words(f"Row {n}") for n in numbers} - held_out >= sources


def test_a_recorded_phrase_is_trained_on_and_never_measured(tmp_path: Path) -> None:
    number = next(n for n in range(1000) if is_held_out(Phrase(f"Row {n}.", "", "", "rows")))
    row = f"Row {number}.\tLigne {number}.\tFila {number}."
    tables = {"recordings": [row], "rows": [row]}
    corpus = write_corpus(tmp_path / "corpus", tables, "", "")
    assert held_out_phrases(corpus) == []
    assert direction_pairs(corpus, "en", "fr") == [(f"Row {number}.", f"Ligne {number}.")]


def test_the_first_translation_of_a_text_is_kept(tmp_path: Path) -> None:
    rows = ["Hello.\tBonjour.\tHola.", "Good day.\tBonjour.\tBuenos días."]
    corpus = write_corpus(tmp_path / "corpus", {"recordings": rows}, "", "")
    assert direction_pairs(corpus, "fr", "en") == [("Bonjour.", "Hello.")]


@pytest.mark.parametrize(
    ("rows", "where"),
    [
        ("en\tfr\n", "bad.tsv:1: the header"),
        ("en\tfr\tes\nYes.\tOui.\tSí.\n\nNo.\tNon.\n", "bad.tsv:4: 2 columns"),
        ("en\tfr\tes\nNo.\t \tNo.\n", "bad.tsv:2: an empty column"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, rows: str, where: str) -> None:
    (tmp_path / "bad.tsv").write_text(rows, encoding="utf-8")
    with pytest.raises(CorpusError, match=where):
        load_base(tmp_path)


def test_base_phrases_carry_their_file_name(tmp_path: Path) -> None:
    (tmp_path / "office.tsv").write_text("en\tfr\tes\nYes.\tOui.\tSí.\n", encoding="utf-8")
    assert load_base(tmp_path) == [Phrase("Yes.", "Oui.", "Sí.", "office")]
    with pytest.raises(CorpusError, match="no such folder"):
        load_base(tmp_path / "missing")
