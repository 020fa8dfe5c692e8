import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from models.packs import apertium, evaluate
from models.packs.commands import packs

CORPUS = Path(evaluate.CORPUS)


@pytest.fixture
def no_apertium(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.fixture
def small_corpus(tmp_path):
    """The recordings' sentences, and every twentieth held-out phrase."""
    few = evaluate.held_out_phrases(CORPUS)[::20]
    lines = ["en\tfr\tes", *(f"{phrase.en}\t{phrase.fr}\t{phrase.es}" for phrase in few)]
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "few.tsv").write_text("\n".join(lines), encoding="utf-8")
    shutil.copy(CORPUS / "base" / "recordings.tsv", tmp_path / "base")
    return tmp_path


@pytest.fixture
def rows(small_corpus):
    return evaluate.evaluate(corpus=small_corpus)


def test_chrf_is_a_hundred_for_the_reference_and_nothing_for_other_letters():
    assert evaluate.chrf(["la réunion"], ["la réunion"]) == 100.0
    assert evaluate.chrf(["xyz"], ["abc"]) == 0.0


def test_every_spoken_sentence_stands_in_the_corpus_once():
    spoken = evaluate.sentence_sets(CORPUS)[evaluate.RECORDINGS]

    assert [phrase["en"] for phrase in spoken] == list(evaluate.SPOKEN)


def test_no_held_out_sentence_is_one_of_the_recordings():
    held_out = {phrase["en"] for phrase in evaluate.sentence_sets(CORPUS)[evaluate.HELD_OUT]}

    assert len(held_out) >= 90
    assert not held_out & set(evaluate.SPOKEN)


def test_given_no_apertium_then_it_is_not_available(no_apertium):
    assert not apertium.available("en", "es")


def test_apertium_has_no_french_here():
    assert not apertium.available("en", "fr")


@pytest.mark.skipif(shutil.which("apertium") is None, reason="apertium is not installed")
def test_apertium_keeps_the_sentences_apart():
    if not apertium.available("en", "es"):
        pytest.skip("apertium-eng-spa is not installed")

    assert len(apertium.translate(["Where is the report?", "no full stop", "The key is here."], "en", "es")) == 3


def test_each_direction_is_measured_on_both_sets(rows):
    measured = {(row.source, row.target, row.sentences) for row in rows}

    assert len(measured) == 8
    assert all(row.pack > row.copy for row in rows)
    assert len(evaluate.table(rows).splitlines()) == len(rows) + 2


def test_given_no_apertium_then_the_document_says_so(no_apertium, small_corpus):
    result = CliRunner().invoke(packs, ["evaluate", "--json", "--corpus", str(small_corpus)])

    assert result.exit_code == 0
    for row in json.loads(result.output)["rows"]:
        assert row["apertium"] is None
        assert row["apertium_note"] == ("not installed" if "es" in (row["source"], row["target"]) else "no such pair")
