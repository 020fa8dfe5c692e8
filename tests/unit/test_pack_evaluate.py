import json
import shutil
from pathlib import Path

import pytest

from models.packs import apertium, evaluate

CORPUS = Path(evaluate.CORPUS)


@pytest.fixture
def no_apertium(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.fixture(scope="module")
def rows():
    return evaluate.evaluate()


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
    assert all(0 <= score <= 100 for row in rows for score in (row.pack, row.copy))


def test_every_pack_beats_copying_the_source(rows):
    assert all(row.pack > row.copy + 10 for row in rows)


def test_the_document_says_why_a_number_is_missing(rows):
    found = json.loads(json.dumps(evaluate.document(rows)))["rows"]

    for row in found:
        assert (row["apertium"] is None) == (row["apertium_note"] in ("not installed", "no such pair"))


def test_the_table_has_a_line_per_row(rows):
    assert len(evaluate.table(rows).splitlines()) == len(rows) + 2
