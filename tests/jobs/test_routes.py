"""Which engine translates: phrases, packs, Whisper itself, DeepL; and what is remembered under whose name."""

import pytest
import sqlalchemy as sa

from appliance.cache.keys import phrase_key
from appliance.engines.deepl import DeepL
from appliance.errors import NoRoute
from appliance.jobs.states import JobState
from appliance.owner import Owner
from appliance.storage.tables import phrases
from appliance.testing.deepl_server import DeepLServer
from appliance.testing.engines import ScriptedTranscriber
from appliance.workers.phrases import load_phrases


def target_of(bench, job):
    return bench.get(job).targets[0]


def test_a_phrase_of_the_library_needs_no_engine(bench):
    with bench.database.write() as connection:
        key = phrase_key("good morning", "en", "fr")
        connection.execute(
            sa.insert(phrases).values(key=key, source="en", target="fr", text="Bonjour.", origin="corpus")
        )
    job = bench.submit("good morning", "fr")
    bench.run()
    target = target_of(bench, job)
    assert target.translation["text"] == "Bonjour."
    assert target.translation["engines"] == ["phrases/corpus"]
    assert "translate" in target.spoken.receipt["cached_stages"]


def test_the_library_starts_with_more_than_ten_thousand_pairs_per_direction(bench):
    load_phrases(bench.database)
    with bench.rows() as rows:
        counts = rows.execute(
            sa.select(phrases.c.source, phrases.c.target, sa.func.count()).group_by(phrases.c.source, phrases.c.target)
        ).all()
    assert {(source, target) for source, target, _ in counts} == {
        ("en", "fr"),
        ("fr", "en"),
        ("en", "es"),
        ("es", "en"),
    }
    assert min(count for *_, count in counts) >= 10_000


def test_a_corrected_corpus_replaces_its_earlier_pairs_and_no_others(bench, tmp_path):
    corpus = tmp_path / "corpus"
    (corpus / "base").mkdir(parents=True)
    for name in ("templates.toml", "slots.toml"):
        (corpus / name).write_text("")
    table = corpus / "base" / "all.tsv"
    table.write_text("en\tfr\tes\nGood morning.\tBon matin.\tBuenos días.\nThanks.\tMerci.\tGracias.\n")
    load_phrases(bench.database, corpus)
    theirs = phrase_key("Thanks.", "en", "fr")
    with bench.database.write() as rows:
        rows.execute(sa.update(phrases).where(phrases.c.key == theirs).values(text="Merci bien.", origin="usage"))
    table.write_text("en\tfr\tes\nGood morning.\tBonjour.\tBuenos días.\nThanks.\tMerci.\tGracias.\n")
    load_phrases(bench.database, corpus)
    with bench.rows() as rows:
        texts = dict(rows.execute(sa.select(phrases.c.key, phrases.c.text)).all())
    assert texts[phrase_key("Good morning.", "en", "fr")] == "Bonjour."
    assert texts[theirs] == "Merci bien."
    assert len(texts) == 8


def test_a_sentence_translated_once_is_remembered_for_its_owner_only(bench):
    bench.submit("good morning", "fr", voice="stock")
    bench.run()
    bench.translator.batches.clear()
    bench.submit("good morning", "fr", audio_format="mp3")
    bench.run()
    assert bench.translator.batches == []  # the way back, for the score, is remembered with it
    bench.submit("good morning", "fr", owner=Owner("app", "bob"))
    bench.run()
    assert bench.translator.batches == [1, 1]


def test_without_a_pack_whisper_itself_leads_to_english(bench):
    bench.transcriber = ScriptedTranscriber(language="de")
    bench.engines_change = {"whisper_translates": True}
    job = bench.submit("guten Morgen", "en")
    bench.run()
    target = target_of(bench, job)
    assert bench.get(job).state is JobState.DONE
    assert target.spoken.receipt["route"] == "whisper:de>en"
    assert target.translation["engines"][0].startswith("scripted-transcriber")


def test_from_english_a_pack_goes_on(bench):
    bench.transcriber = ScriptedTranscriber(language="de")
    bench.engines_change = {"whisper_translates": True}
    job = bench.submit("guten Morgen", "fr")
    bench.run()
    assert target_of(bench, job).spoken.receipt["route"] == "whisper:de>en+argos:en>fr"


def test_a_source_without_a_route_fails_its_target_and_names_those_that_have_one(bench):
    bench.transcriber = ScriptedTranscriber(language="de")
    job = bench.submit("guten Morgen", "fr")
    bench.run()
    target = target_of(bench, job)
    assert target.error.code == NoRoute.code


@pytest.fixture
def deepl_server():
    with DeepLServer() as server:
        yield server


@pytest.fixture
def with_deepl(bench, deepl_server):
    calls = []
    with DeepL(deepl_server.key, url=deepl_server.url, audit=calls.append) as engine:
        bench.engines_change = {"deepl": engine}
        bench.translator = type(bench.translator)(pairs=[])
        yield calls


def test_deepl_is_asked_only_where_the_request_allows_it(bench, with_deepl, deepl_server):
    with pytest.raises(NoRoute):
        bench.submit("good morning", "es")
    job = bench.submit("good morning", "es", allow_deepl=True)
    bench.run()
    target = target_of(bench, job)
    assert target.spoken.receipt["route"] == "deepl:en>es"
    assert target.translation["engines"][0].startswith("deepl")
    assert [call.status for call in with_deepl] == [200]
    assert len(deepl_server.received) == 1


def test_deepl_out_of_quota_fails_the_target_and_caches_nothing(bench, with_deepl, deepl_server):
    deepl_server.script([456])
    job = bench.submit("good morning", "es", allow_deepl=True)
    bench.run()
    assert target_of(bench, job).error.code == "external_service_failed"
    again = bench.submit("good morning", "es", allow_deepl=True)
    bench.run()
    assert bench.get(again).state is JobState.DONE


def test_a_deepl_translation_never_answers_for_a_pack(bench, with_deepl):
    bench.submit("good morning", "es", allow_deepl=True)
    bench.run()
    bench.translator = type(bench.translator)(pairs=[("en", "es")])
    bench.engines_change = {}
    job = bench.submit("good morning", "es")
    bench.run()
    assert target_of(bench, job).translation["text"] == "es:good morning"
