"""The Argos translator on real, tiny packs that translate word by word."""

import threading

import pytest

from appliance.engines.argos import ArgosTranslator
from appliance.engines.argos_loaded import LoadedPacks
from appliance.engines.argos_model import ArgosModel, Search
from appliance.engines.argos_packs import ArgosPacks
from appliance.engines.protocols import TranslateRequest
from appliance.engines.warm import WarmModels
from appliance.errors import EngineFailed, ModelCorrupt, NoRoute
from appliance.testing.tiny_argos_pack import build_tiny_pack

FRENCH = {"hello": "bonjour", "good": "bon", "morning": "matin", "my": "mon", "friend": "ami", "thanks": "merci"}
SPANISH = {"hello": "hola", "good": "buen", "morning": "dia", "my": "mi", "friend": "amigo", "thanks": "gracias"}


def reverse(words):
    return {translation: word for word, translation in words.items()}


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
    folder = tmp_path_factory.mktemp("archives")
    return {
        ("en", "fr"): build_tiny_pack(folder / "en_fr.argosmodel", "en", "fr", FRENCH, quality="starter"),
        ("fr", "en"): build_tiny_pack(folder / "fr_en.argosmodel", "fr", "en", reverse(FRENCH)),
        ("en", "es"): build_tiny_pack(folder / "en_es.argosmodel", "en", "es", SPANISH),
        ("es", "en"): build_tiny_pack(folder / "es_en.argosmodel", "es", "en", reverse(SPANISH)),
    }


@pytest.fixture(scope="module")
def packs(tmp_path_factory, archives):
    installed = ArgosPacks(tmp_path_factory.mktemp("argos"))
    for archive in archives.values():
        installed.install(archive)
    return installed


@pytest.fixture
def translator(packs):
    with ArgosTranslator(packs, threads=2) as made:
        yield made


@pytest.fixture
def calls(monkeypatch):
    """Record the size of every CTranslate2 call, letting it through."""
    seen = []
    original = ArgosModel.search

    def recorded(self, sentences, how):
        seen.append(len(sentences))
        return original(self, sentences, how)

    monkeypatch.setattr(ArgosModel, "search", recorded)
    return seen


def ask(text, source="en", target="fr"):
    return TranslateRequest(text if isinstance(text, tuple) else (text,), source, target)


def test_a_message_is_translated_with_its_route_its_engine_and_its_grade(packs, translator):
    [result] = translator.translate([ask("good morning, my friend!")])
    assert result.text == "bon matin, mon ami!"
    assert (result.route, result.quality) == ("argos:en>fr", "starter")
    assert result.engines == translator.identity("en", "fr")
    assert result.engines[0].model_sha256 == packs.find("en", "fr").sha256


def test_segments_come_back_one_for_one_with_their_sentences_translated(translator):
    [result] = translator.translate([ask(("hello my friend. Good morning!", "", "thanks", "  "))])
    assert [segment.text for segment in result.segments] == ["bonjour mon ami. Good matin!", "", "merci", ""]


def test_two_foreign_languages_go_through_english_and_say_so(translator):
    [result] = translator.translate([ask("bon matin mon ami.", "fr", "es")])
    assert (result.text, result.route, result.quality) == ("buen dia mi amigo.", "argos:fr>en>es", "standard")
    assert [engine.model for engine in result.engines] == ["fr>en 1.0", "en>es 1.0"]


def test_a_starter_pack_anywhere_on_the_way_makes_the_result_starter_quality(translator):
    [result] = translator.translate([ask("hola.", "es", "fr")])
    assert (result.text, result.quality) == ("bonjour.", "starter")


def test_sentences_of_many_requests_go_through_the_model_in_one_call_per_pair(translator, calls):
    batch = [ask(f"hello {'my ' * n}friend") for n in range(8)] + [ask(("hello.", "thanks.", "hello."), "en", "es")]
    results = translator.translate(batch)
    assert [r.text for r in results[:8]] == [f"bonjour {'mon ' * n}ami" for n in range(8)]
    assert results[8].text == "hola. gracias. hola."
    assert sorted(calls) == [2, 8]


def test_both_hops_of_a_pivot_are_batched_with_other_requests_of_the_same_pair(translator, calls):
    results = translator.translate([ask("bon matin.", "fr", "es"), ask("merci.", "fr", "en"), ask("ami.", "fr", "es")])
    assert [r.text for r in results] == ["buen dia.", "thanks.", "amigo."]
    assert calls == [3, 2]


def test_a_request_gets_the_same_translation_alone_and_in_any_company(translator):
    batch = [ask(" ".join(words)) for words in (["hello"], ["my", "friend"] * 9, ["good", "morning"], ["thanks"])]
    together = translator.translate(batch)
    backwards = translator.translate(batch[::-1])[::-1]
    alone = [translator.translate([request])[0] for request in batch]
    texts = [[r.text for r in results] for results in (together, backwards, alone)]
    assert texts[0] == texts[1] == texts[2]
    for one, other in zip(together, alone, strict=True):
        assert one.segments[0].score == pytest.approx(other.segments[0].score, abs=1e-4)


def test_a_language_without_a_route_fails_alone(translator):
    results = translator.translate([ask("hello"), ask("hello", "en", "de"), ask("thanks")])
    assert [getattr(r, "text", None) for r in results] == ["bonjour", None, "merci"]
    assert isinstance(results[1], NoRoute)
    assert results[1].extra["targets"] == ["es", "fr"]


def test_the_same_language_is_returned_as_it_is(translator):
    [result] = translator.translate([ask(("Hello, YOU.", " x "), "en", "en")])
    assert [segment.text for segment in result.segments] == ["Hello, YOU.", " x "]
    assert (result.route, result.engines) == ("none", ())


def test_scores_are_the_mean_log_probability_per_token_as_ctranslate2_itself_scores_it(packs, translator):
    text = "good morning, my friend!"
    [result] = translator.translate([ask(text)])
    model = ArgosModel(packs.find("en", "fr").folder, threads=1, device="cpu", compute_type="default")
    [[hypothesis]] = model.search([model.tokens(text)], Search(hypotheses=1))
    [scored] = model._translator.score_batch([model.tokens(text)], [list(hypothesis.tokens)])
    assert result.segments[0].score == pytest.approx(sum(scored.log_probs) / len(scored.log_probs), rel=1e-3)
    assert result.segments[0].score < 0


def test_the_scores_of_two_hops_add(translator):
    [first] = translator.translate([ask("bon matin.", "fr", "en")])
    [second] = translator.translate([ask(first.text, "en", "es")])
    [both] = translator.translate([ask("bon matin.", "fr", "es")])
    assert both.segments[0].score == pytest.approx(first.segments[0].score + second.segments[0].score, abs=1e-5)


def test_the_next_best_translations_are_kept(translator):
    [result] = translator.translate([ask("hello my friend")])
    [segment] = result.segments
    assert segment.alternatives
    assert segment.text not in segment.alternatives


def test_text_without_words_passes_unchanged(translator, calls):
    [result] = translator.translate([ask(("12:30", "👍 !!", "— … —"))])
    assert [(s.text, s.score) for s in result.segments] == [("12:30", None), ("👍 !!", None), ("— … —", None)]
    assert calls == []


def test_what_the_model_has_never_seen_is_carried_over_and_named(translator):
    [result] = translator.translate([ask("hello Łódź 😀 friend")])
    assert result.text == "bonjour Łódź 😀 ami"
    assert set("".join(result.segments[0].unknown)) >= {"Ł", "ó", "😀"}


def test_a_sentence_without_a_single_known_word_is_an_error_and_not_silence(translator):
    results = translator.translate([ask("Привет, друг."), ask("hello")])
    assert isinstance(results[0], EngineFailed)
    assert "none of the words" in results[0].detail
    assert results[1].text == "bonjour"


def test_a_sentence_longer_than_the_model_can_take_is_translated_whole(translator):
    text = ", ".join(["hello my friend"] * 150)
    [result] = translator.translate([ask(text)])
    assert result.text.count("bonjour") == result.text.count("mon") == result.text.count("ami") == 150


def test_a_model_that_never_ends_is_an_error_for_its_rows_after_other_searches(tmp_path, archives, calls):
    packs = ArgosPacks(tmp_path / "broken")
    packs.install(archives["en", "es"])
    packs.install(build_tiny_pack(tmp_path / "loop.argosmodel", "en", "fr", FRENCH, never_ends=True))
    with ArgosTranslator(packs) as translator:
        results = translator.translate([ask("hello my friend"), ask("hello my friend", "en", "es")])
    assert isinstance(results[0], EngineFailed)
    assert "no usable text" in results[0].detail
    assert results[1].text == "hola mi amigo"
    assert calls == [1, 1, 1, 1]


def test_the_target_prefix_of_a_pack_is_forced_and_does_not_show(tmp_path):
    packs = ArgosPacks(tmp_path / "prefixed")
    packs.install(build_tiny_pack(tmp_path / "p.argosmodel", "en", "fr", FRENCH, target_prefix="__fr__"))
    with ArgosTranslator(packs) as translator:
        [result] = translator.translate([ask("hello my friend")])
    # The tiny model takes target position 1 from source position 1, so the forced first token hides the first word.
    assert result.text == "mon ami"


def test_a_pack_installed_or_removed_later_counts_from_the_next_call(tmp_path, archives):
    packs = ArgosPacks(tmp_path / "growing")
    with ArgosTranslator(packs) as translator:
        assert isinstance(translator.translate([ask("hello")])[0], NoRoute)
        packs.install(archives["en", "fr"])
        assert translator.routes() == {("en", "fr")}
        assert translator.translate([ask("hello")])[0].text == "bonjour"
        packs.install(build_tiny_pack(tmp_path / "official.argosmodel", "en", "fr", {"hello": "salut"}))
        [better] = translator.translate([ask("hello")])
        assert (better.text, better.quality) == ("salut", "standard")
        packs.remove("en", "fr")
        assert isinstance(translator.translate([ask("hello")])[0], NoRoute)
        assert translator._loaded.packs == ()


def test_a_pack_damaged_on_disk_fails_its_pair_and_no_other(tmp_path, archives):
    packs = ArgosPacks(tmp_path / "damaged")
    packs.install(archives["en", "es"])
    damaged = packs.install(archives["en", "fr"])
    (damaged.folder / "model" / "model.bin").write_bytes(b"damaged")
    with ArgosTranslator(packs) as translator:
        results = translator.translate([ask("hello"), ask("hello", "en", "es")])
    assert isinstance(results[0], ModelCorrupt)
    assert results[1].text == "hola"


def test_routes_hold_direct_pairs_and_pivots(translator):
    assert translator.routes() == {(a, b) for a in ("en", "fr", "es") for b in ("en", "fr", "es") if a != b}


def test_pairs_are_the_packs_own_and_quality_counts_every_pack_of_the_route(translator):
    assert translator.pairs() == {("en", "fr"), ("fr", "en"), ("en", "es"), ("es", "en")}
    assert translator.quality("es", "fr") == "starter"
    assert translator.quality("fr", "es") == "standard"
    with pytest.raises(NoRoute):
        translator.quality("en", "de")


def test_the_identity_changes_with_the_beam_and_is_refused_without_a_route(packs, translator):
    with ArgosTranslator(packs, beam_size=2) as other:
        assert other.identity("en", "fr") != translator.identity("en", "fr")
    assert translator.identity("en", "en") == ()
    with pytest.raises(NoRoute):
        translator.identity("en", "de")


def test_models_beyond_the_memory_budget_are_dropped_oldest_first(packs):
    one_model_bytes = packs.find("en", "fr").model_bytes
    models = WarmModels(one_model_bytes * 2 + 100_000)
    loaded = LoadedPacks(models, threads=1, device="cpu", compute_type="default")
    first, second, third = packs.find("en", "fr"), packs.find("fr", "en"), packs.find("en", "es")
    for pack in (first, second, first, third):
        with loaded.use(pack):
            pass
    assert loaded.packs == (first, third)
    loaded.close()
    assert loaded.packs == ()


def test_a_model_in_use_outlives_its_removal_until_the_use_ends(packs):
    loaded = LoadedPacks(WarmModels(0), threads=1, device="cpu", compute_type="default")
    pack = packs.find("en", "fr")
    with loaded.use(pack) as model:
        loaded.keep_only([])
        [[best]] = model.search([model.tokens("hello")], Search(hypotheses=1))
        assert best.text == "bonjour"
    assert loaded.packs == ()


def test_threads_that_want_the_same_pack_at_once_load_it_once(packs, monkeypatch):
    loads = []
    original = ArgosModel.__init__

    def counted(self, folder, **options):
        loads.append(folder)
        original(self, folder, **options)

    monkeypatch.setattr(ArgosModel, "__init__", counted)
    with ArgosTranslator(packs, threads=2) as translator:
        answers = []
        threads = [
            threading.Thread(target=lambda: answers.append(translator.translate([ask("hello my friend")])[0].text))
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert answers == ["bonjour mon ami"] * 8
    assert len(loads) == 1
