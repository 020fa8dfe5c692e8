"""The phrase library grows by what was accepted, from enough people, and stays within its bounds."""

import pytest
import sqlalchemy as sa

from appliance.cache.decay import rank_of
from appliance.cache.keys import phrase_key
from appliance.cache.library import forget_owner
from appliance.engines.protocols import EngineIdentity
from appliance.errors import EngineFailed
from appliance.housekeeping.house import House
from appliance.housekeeping.phrases import JOBS_AT_ONCE, REST_S, SETTLED_S, grow_phrases
from appliance.jobs.cancel import delete_job
from appliance.jobs.states import TargetState
from appliance.storage.schema import metadata
from appliance.storage.tables import phrase_sayings, phrases
from appliance.telemetry.metrics import Metrics
from appliance.testing.engines import ScriptedSynthesizer, ScriptedTranslator
from appliance.workers.phrases import load_phrases
from tests.jobs.library import change_settings, days, grow, library, memory_of, rows_of, say, sayings, user

DAY_S = 86_400.0


class Newer(ScriptedTranslator):
    """The same with another model."""

    def identity(self, source, target):
        super().identity(source, target)
        return (EngineIdentity("scripted-translator", f"{source}-{target}", "7" * 64),)


class TestThePrivacyLine:
    def test_nobody_gets_what_two_have_said_and_everybody_what_three_have(self, bench):
        say(bench, "see you at the gate", user(1), user(2))
        assert library(bench) == {}
        (third,) = say(bench, "see you at the gate", user(3))
        assert memory_of(third) == [""]
        (fourth,) = say(bench, "See you at the gate.", user(4))
        assert memory_of(fourth) == ["phrases"]
        assert fourth.targets[0].translation["text"] == "fr:see you at the gate"

    def test_one_who_says_it_often_counts_once(self, bench):
        for audio_format in ("wav", "mp3", "opus", "m4a"):
            say(bench, "see you at the gate", user(1), audio_format=audio_format)
        say(bench, "see you at the gate", user(2))
        assert library(bench) == {}
        assert sorted(round(row.value) for row in sayings(bench)) == [1, 4]

    def test_users_of_different_applications_are_never_added_up(self, bench):
        """Or one that makes up users could find out whether anybody elsewhere has said a text."""
        say(bench, "we sell the plant", user(1, "victim"))
        say(bench, "we sell the plant", user(1, "prober"), user(2, "prober"))
        (probe,) = say(bench, "we sell the plant", user(2, "prober"), audio_format="mp3")
        assert memory_of(probe) == ["translations"]
        assert library(bench) == {}

    def test_how_many_it_takes_is_a_setting(self, bench):
        change_settings(bench, phrases_owners=2)
        say(bench, "see you at the gate", user(1), user(2))
        assert set(library(bench)) == {("see you at the gate", "en", "fr")}

    def test_before_that_no_text_is_kept_and_no_key_that_a_text_leads_to(self, bench):
        say(bench, "see you at the gate", user(1), user(2))
        assert {column.name for column in phrase_sayings.columns}.isdisjoint({"text", "said"})
        plain = {phrase_key("see you at the gate", "en", "fr")}
        assert {row.key for row in sayings(bench)}.isdisjoint(plain)
        assert all("gate" not in str(value) for row in sayings(bench) for value in row)

    def test_another_site_has_other_keys_for_the_same(self, bench):
        say(bench, "see you at the gate", user(1))
        one = {row.key for row in sayings(bench)}
        with bench.database.write() as connection:
            for table in ("phrase_sayings", "site"):
                connection.execute(sa.delete(metadata.tables[table]))
        say(bench, "see you at the gate", user(2))
        assert {row.key for row in sayings(bench)}.isdisjoint(one)

    @pytest.mark.parametrize(
        "text", ["call me on 0612345678", "write to bob@example.org", "see www.example.org", "go on " * 40]
    )
    def test_what_looks_like_somebodys_own_never_becomes_the_sites(self, bench, text):
        say(bench, text, *map(user, range(4)))
        assert (library(bench), sayings(bench)) == ({}, [])

    def test_erasing_a_user_takes_back_what_too_few_are_left_to_have_said(self, bench):
        say(bench, "see you at the gate", user(1), user(2), user(3))
        say(bench, "lunch is ready", user(1), user(2), user(3), user(4))
        with bench.database.write() as connection:
            assert forget_owner(connection, user(3), bench.settings.phrases_owners) == 1
        assert {said for said, *_ in library(bench)} == {"lunch is ready"}
        assert "user3" not in {row.user_id for row in sayings(bench)}

    def test_what_was_deleted_before_it_was_read_counts_for_nothing(self, bench):
        jobs = [bench.submit("see you at the gate", "fr", owner=user(number)) for number in (1, 2, 3)]
        bench.run()
        delete_job(bench.database, bench.objects, user(3), jobs[2].id)
        grow(bench)
        assert library(bench) == {}
        assert len(sayings(bench)) == 2

    def test_what_is_deleted_while_it_is_read_counts_for_nothing(self, bench):
        """Reading keeps nobody from writing, on SQLite either; so it may be gone when it is to be counted."""
        jobs = [bench.submit("see you at the gate", "fr", owner=user(number)) for number in (1, 2, 3)]
        bench.run()

        def delete_the_third(connection, cursor, statement, *_):
            if "targets.translation" in statement and len(jobs) == 3:
                delete_job(bench.database, bench.objects, user(3), jobs.pop().id)

        sa.event.listen(bench.database.engine, "after_cursor_execute", delete_the_third)
        grow(bench)
        assert len(jobs) == 2
        assert library(bench) == {}
        assert {row.user_id for row in sayings(bench)} == {"user1", "user2"}


class TestWhatIsPromoted:
    def test_the_engine_and_its_model_stand_with_it(self, bench):
        say(bench, "see you at the gate", *map(user, range(3)))
        (row,) = library(bench).values()
        key = "+".join(identity.key for identity in bench.translator.identity("en", "fr"))
        assert (row.translator, row.origin, row.quality) == (key, "usage", "standard")
        (job,) = say(bench, "see you at the gate", user(9))
        assert job.targets[0].translation["engines"] == [key]

    def test_a_result_that_needs_review_teaches_nothing(self, bench):
        bench.synthesizer = ScriptedSynthesizer(spoiled_seeds=range(10))
        jobs = say(bench, "see you at the gate", *map(user, range(4)))
        assert {job.targets[0].state for job in jobs} == {TargetState.NEEDS_REVIEW}
        assert (library(bench), sayings(bench)) == ({}, [])

    def test_a_result_that_failed_teaches_nothing(self, bench):
        jobs = say(bench, "POISON at the gate", *map(user, range(4)))
        assert {job.targets[0].error.code for job in jobs} == {EngineFailed.code}
        assert (library(bench), sayings(bench)) == ({}, [])

    def test_a_new_model_finds_nothing_of_the_old_ones_but_the_corpus(self, bench):
        with bench.database.write() as connection:
            key = phrase_key("good morning", "en", "fr")
            connection.execute(
                sa.insert(phrases).values(key=key, source="en", target="fr", text="Bonjour.", origin="corpus:1")
            )
        say(bench, "see you at the gate", *map(user, range(3)))
        bench.translator = Newer()
        (stale,) = say(bench, "see you at the gate", user(7))
        (corpus,) = say(bench, "good morning", user(7))
        assert (memory_of(stale), memory_of(corpus)) == ([""], ["phrases"])
        # Enough people have said it already: what the new model made of it is the site's at once.
        assert memory_of(say(bench, "see you at the gate", user(8))[0]) == ["phrases"]

    def test_a_fallbacks_translation_answers_under_its_own_name_alone(self, bench):
        other = Newer()
        bench.engines_change = {"deepl": other}
        bench.translator = ScriptedTranslator(pairs=[])
        say(bench, "see you at the gate", *map(user, range(3)), allow_deepl=True)
        bench.translator = ScriptedTranslator()
        (job,) = say(bench, "see you at the gate", user(5))
        assert memory_of(job) == [""]
        translators = {row.translator for row in rows_of(bench, phrases)}
        assert translators == {engine.identity("en", "fr")[0].key for engine in (other, bench.translator)}

    def test_what_whisper_made_english_itself_is_nobodys_words(self, bench):
        bench.transcriber._language = "de"
        bench.engines_change = {"whisper_translates": True}
        say(bench, "bis gleich am Tor", *map(user, range(4)), target="es")
        assert (library(bench), sayings(bench)) == ({}, [])
        assert [(key[1:], row.misses) for key, row in days(bench).items()] == [(("en", "es"), 4)]

    def test_each_result_is_read_once(self, bench):
        say(bench, "see you at the gate", user(1), user(2))
        for _ in range(3):
            grow(bench)
        assert [row.value for row in sayings(bench)] == [1.0, 1.0]
        assert sum(row.misses for row in days(bench).values()) == 2

    def test_on_sqlite_others_have_their_turn_between_transactions(self, bench):
        for number in range(JOBS_AT_ONCE + 1):
            bench.submit("see you at the gate", "fr", owner=user(number))
        bench.run()
        bench.clock.advance(SETTLED_S + 1)
        rests = []

        def rest(seconds):
            rests.append(seconds)
            bench.submit("a note that comes meanwhile", "fr", owner=user(1))

        grow_phrases(House(bench.database, bench.objects, bench.settings, rest=rest))
        assert rests == ([REST_S, REST_S] if bench.database.is_sqlite else [])

    def test_a_dry_run_tells_and_changes_nothing(self, bench):
        for number in range(3):
            bench.submit("see you at the gate", "fr", owner=user(number))
        bench.run()
        outcome = grow(bench, dry_run=True)
        assert (outcome.found, outcome.done) == (3, 0)
        assert (library(bench), sayings(bench), days(bench)) == ({}, [], {})

    def test_counts_are_kept_by_voice(self, bench):
        say(bench, "see you at the gate", user(1))
        say(bench, "see you at the gate", user(1), voice="stock")
        assert sorted(row.voice for row in sayings(bench)) == ["speaker", "stock"]

    def test_growth_can_be_switched_off_while_look_ups_are_still_counted(self, bench):
        change_settings(bench, phrases_most=0)
        say(bench, "see you at the gate", *map(user, range(4)))
        assert (library(bench), sayings(bench)) == ({}, [])
        assert sum(row.misses for row in days(bench).values()) == 4


class TestBounds:
    def test_the_least_wanted_leave_first_and_the_corpus_stays(self, bench):
        with bench.database.write() as connection:
            key = phrase_key("good morning", "en", "fr")
            connection.execute(
                sa.insert(phrases).values(key=key, source="en", target="fr", text="Bonjour.", origin="corpus:1")
            )
        change_settings(bench, phrases_most=3)
        say(bench, "one", *map(user, range(3)))
        say(bench, "two", *map(user, range(4)))
        say(bench, "three", *map(user, range(5)))
        assert {row.text for row in library(bench).values()} == {"Bonjour.", "fr:two", "fr:three"}

    def test_what_was_wanted_long_ago_leaves_before_what_is_wanted_now(self, bench):
        change_settings(bench, phrases_most=1)
        say(bench, "one", *map(user, range(6)))
        bench.clock.advance(3 * bench.settings.phrases_half_life_s)
        say(bench, "two", *map(user, range(3)))
        assert {row.text for row in library(bench).values()} == {"fr:two"}

    def test_faded_counts_go(self, bench):
        say(bench, "one", user(1))
        bench.clock.advance(6 * bench.settings.phrases_half_life_s)
        grow(bench)
        assert sayings(bench) == []

    def test_there_are_never_more_counts_of_owners_than_five_per_phrase(self, bench):
        change_settings(bench, phrases_most=1)
        for number in range(8):
            say(bench, f"sentence {number}", user(1))
        assert len(sayings(bench)) == 5

    def test_another_half_life_sorts_as_if_it_had_always_been_in_force(self, bench):
        say(bench, "one", *map(user, range(3)))
        bench.clock.advance(10 * DAY_S)
        say(bench, "two", *map(user, range(3)))
        change_settings(bench, phrases_half_life_s=DAY_S)
        say(bench, "other", user(1))
        for row in [*library(bench).values(), *sayings(bench)]:
            assert row.rank == pytest.approx(rank_of(row.value, row.at_s, DAY_S), rel=1e-12)

    def test_days_are_kept_as_long_as_events(self, bench):
        change_settings(bench, events_ttl_s=3 * DAY_S)
        say(bench, "one", user(1))
        first = set(days(bench))
        bench.clock.advance(5 * DAY_S)
        grow(bench)
        assert first.isdisjoint(days(bench))


class TestFigures:
    def test_hits_own_hits_and_misses_are_counted_by_day_and_pair(self, bench):
        say(bench, "see you at the gate", *map(user, range(3)))
        say(bench, "see you at the gate", user(0), audio_format="mp3")  # promoted meanwhile
        say(bench, "only mine", user(0))
        say(bench, "only mine", user(0), audio_format="mp3")
        say(bench, "only mine", user(0), audio_format="mp3")  # kept audio: nothing is looked up
        (row,) = days(bench).values()
        assert (row.hits, row.own_hits, row.misses, row.size) == (1, 1, 4, 1)

    def test_metrics_count_the_same(self, bench):
        metrics = Metrics()
        metrics.count_commits_of(bench.database.engine)
        say(bench, "see you at the gate", *map(user, range(4)))
        say(bench, "see you at the gate", user(5))
        text = metrics.text().decode()
        assert 'meeshy_phrase_look_ups_total{outcome="misses"} 4.0' in text
        assert 'meeshy_phrase_look_ups_total{outcome="hits"} 1.0' in text

    def test_a_use_of_a_corpus_phrase_is_counted_too_and_outlives_a_newer_corpus(self, bench, tmp_path):
        corpus = tmp_path / "corpus"
        (corpus / "base").mkdir(parents=True)
        for name in ("templates.toml", "slots.toml"):
            (corpus / name).write_text("")
        table = corpus / "base" / "all.tsv"
        table.write_text("en\tfr\tes\nGood morning.\tBonjour.\tBuenos días.\n")
        load_phrases(bench.database, corpus)
        say(bench, "good morning", user(1), user(2))
        table.write_text("en\tfr\tes\nGood morning.\tBonjour !\tBuenos días.\n")
        load_phrases(bench.database, corpus)
        row = library(bench)["Good morning.", "en", "fr"]
        assert (row.text, round(row.value, 3)) == ("Bonjour !", 2.0)
