"""What idle workers do ahead of time: it is small, bounded, nobody's, and never in anybody's way."""

import pytest
import sqlalchemy as sa

from appliance.cache.phrase_days import count_days
from appliance.errors import EngineFailed
from appliance.housekeeping.house import House
from appliance.housekeeping.orphans import delete_orphans
from appliance.jobs.claims import Claims
from appliance.jobs.quiet import is_quiet
from appliance.jobs.registry import WorkerRegistry, this_host
from appliance.jobs.states import JobState, TargetState
from appliance.stages.speak_ahead import ActiveVoice
from appliance.stages.translate_ahead import UNIT
from appliance.storage.tables import cached_answers, jobs, phrase_days, usage
from appliance.storage.voice_tables import voice_profiles
from appliance.testing.engines import ScriptedSynthesizer, ScriptedTranslator
from appliance.workers.capabilities import capabilities_of
from appliance.workers.roles import BATCH_LIMITS, FAMILIES
from appliance.workers.spare_time import REST_S, SpareTime
from appliance.workers.worker import Worker
from tests.jobs.library import change_settings, library, memory_of, rows_of, say, user

TEXTS = [f"phrase {word}" for word in ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")]


class Diary(ScriptedTranslator):
    """Notes what it is asked for; `meanwhile` happens while it translates into Spanish."""

    def __init__(self):
        super().__init__()
        self.asked = []
        self.meanwhile = lambda: None

    def translate(self, batch):
        self.asked.append((batch[0].target, [text for request in batch for text in request.segments]))
        if batch[0].target == "es":
            self.meanwhile()
        return super().translate(batch)


@pytest.fixture
def wanted(bench):
    """A library of ten phrases wanted in French, on a site where Spanish is asked for too."""
    bench.translator = Diary()
    for text in TEXTS:
        say(bench, text, *map(user, range(3)))
    say(bench, "something else", user(1), target="es")
    bench.translator.asked.clear()
    return bench


def idle_worker(bench, **more):
    return Worker(bench.context, "w1", spare=SpareTime(bench.context, BATCH_LIMITS, **more))


def ahead_of(bench):
    return {row.said for row in library(bench).values() if row.origin == "ahead"}


class TestTranslatingAhead:
    def test_wanted_phrases_are_there_in_the_other_language_before_anybody_asks(self, wanted):
        assert idle_worker(wanted).run_until_idle() == 0
        assert ahead_of(wanted) == set(TEXTS)
        assert [len(texts) for target, texts in wanted.translator.asked if target == "es"] == [UNIT, len(TEXTS) - UNIT]
        (job,) = say(wanted, "phrase one", user(1), target="es")
        assert memory_of(job) == ["phrases"]
        assert job.targets[0].translation["engines"] == [wanted.translator.identity("en", "es")[0].key]

    def test_only_pairs_that_are_asked_for(self, bench):
        for text in TEXTS[:2]:
            say(bench, text, *map(user, range(3)))
        idle_worker(bench).run_until_idle()
        assert ahead_of(bench) == set()

    def test_what_was_wanted_once_is_not(self, bench):
        change_settings(bench, phrases_owners=2)
        say(bench, "phrase one", *map(user, range(2)))
        bench.clock.advance(bench.settings.phrases_half_life_s)
        say(bench, "phrase two", *map(user, range(2)))
        say(bench, "something else", user(1), target="es")
        idle_worker(bench).run_until_idle()
        assert ahead_of(bench) == set()
        say(bench, "phrase two", user(3))
        idle_worker(bench).run_until_idle()
        assert ahead_of(bench) == {"phrase two"}

    def test_it_is_counted_against_nobody(self, wanted):
        before = len(rows_of(wanted, jobs)), len(rows_of(wanted, usage))
        idle_worker(wanted).run_until_idle()
        assert (len(rows_of(wanted, jobs)), len(rows_of(wanted, usage))) == before

    def test_an_hour_has_so_many_and_the_next_hour_more(self, wanted):
        change_settings(wanted, phrases_ahead_per_hour=3)
        for _ in range(3):
            idle_worker(wanted).run_until_idle()
        assert len(ahead_of(wanted)) == 3
        wanted.clock.advance(3600)
        idle_worker(wanted).run_until_idle()
        assert len(ahead_of(wanted)) == 6

    def test_never_more_than_the_library_may_hold(self, wanted):
        change_settings(wanted, phrases_most=len(TEXTS) + 2)
        idle_worker(wanted).run_until_idle()
        assert len(ahead_of(wanted)) == 2

    @pytest.mark.parametrize("off", [{"phrases_ahead_per_hour": 0}, {"phrases_most": 0}])
    def test_it_can_be_switched_off(self, wanted, off):
        change_settings(wanted, **off)
        idle_worker(wanted).run_until_idle()
        assert ahead_of(wanted) == set()

    def test_when_there_is_nothing_it_looks_again_a_minute_later(self, bench):
        bench.translator = Diary()
        for text in TEXTS[:3]:
            say(bench, text, *map(user, range(3)))
        say(bench, "something else", user(1), target="es")
        spare = SpareTime(bench.context, BATCH_LIMITS)
        assert spare()
        assert not spare()
        say(bench, TEXTS[4], *map(user, range(3)))
        assert not spare()
        bench.clock.advance(REST_S)
        assert spare()

    def test_a_phrase_that_the_engine_cannot_translate_is_not_tried_for_ever(self, wanted):
        class Refusing(Diary):
            def translate(self, batch):
                self.asked.append(batch[0].target)
                return [EngineFailed("no") for _ in batch]

        wanted.translator = Refusing()
        idle_worker(wanted).run_until_idle()
        assert len(wanted.translator.asked) == 2

    def test_an_engine_that_breaks_ends_no_worker(self, wanted):
        wanted.translator.meanwhile = lambda: 1 / 0
        worker = idle_worker(wanted)
        assert worker.run_until_idle() == 0
        job = wanted.submit("are you there", "fr")
        worker.run_until_idle()
        assert wanted.get(job).state is JobState.DONE


class TestNobodyWaits:
    def test_a_job_that_comes_meanwhile_waits_for_the_unit_in_hand_and_no_longer(self, wanted):
        submitted = []
        order = []

        def somebody_comes():
            order.append("unit")
            if not submitted:
                submitted.append(wanted.submit("are you there", "fr", owner=user(8)))
            else:
                order.append(wanted.get(submitted[0]).state)

        wanted.translator.meanwhile = somebody_comes
        wanted.transcriber._on_batch = lambda batch: order.append("heard")
        idle_worker(wanted).run_until_idle()
        # The unit in hand, then the whole job (heard, and heard again), and only then the next unit.
        assert order == ["unit", "heard", "heard", "unit", JobState.DONE]
        assert len(ahead_of(wanted)) == len(TEXTS)

    def test_nothing_is_begun_while_anything_waits_for_whomever(self, wanted):
        job = wanted.submit("are you there", "fr")
        only_speaking = Worker(
            wanted.context, "w2", {"synthesize": 4}, spare=SpareTime(wanted.context, ["translate", "synthesize"])
        )
        only_speaking.run_until_idle()
        assert ahead_of(wanted) == set()
        assert wanted.get(job).targets[0].state is TargetState.WAITING

    @pytest.mark.parametrize(("host", "quiet"), [(this_host(), False), ("another-host", True)])
    def test_nothing_is_begun_while_a_process_of_this_host_works(self, wanted, host, quiet):
        registry = WorkerRegistry(wanted.database, "busy")
        registry.announce(capabilities_of(wanted.engines, wanted.settings), FAMILIES)
        wanted.submit("are you there", "fr")
        assert Claims(wanted.database, "busy", 10.0).claim(BATCH_LIMITS)
        with wanted.rows() as connection:
            assert is_quiet(connection, "a-third-host")
            assert is_quiet(connection, host) == quiet

    def test_a_worker_that_is_stopped_begins_no_further_unit(self, wanted):
        worker = idle_worker(wanted)
        wanted.translator.meanwhile = worker.stop
        worker.run_until_idle()
        assert len(ahead_of(wanted)) == UNIT


class TestSpeakingAhead:
    @pytest.fixture(autouse=True)
    def profiles(self, wanted):
        with wanted.database.write() as connection:
            for owner in (user(1), user(2)):
                connection.execute(
                    sa.insert(voice_profiles).values(
                        id=f"voice_{owner.user_id}", application_id=owner.application_id, user_id=owner.user_id,
                        state="active", key_object="", created_s=0.0, consent=b"", languages=["fr"],
                        request_sha256="",
                    )
                )  # fmt: skip

    def voice_of(self, owner, language="fr", version="profile-1"):
        return ActiveVoice(
            owner, f"voice_{owner.user_id}", version, language, lambda: ScriptedSynthesizer().stock_voice(language)
        )

    def test_without_active_voices_nothing_is_spoken(self, wanted):
        wanted.synthesizer.spoken.clear()
        idle_worker(wanted).run_until_idle()
        assert wanted.synthesizer.spoken == []

    def test_wanted_phrases_are_spoken_in_each_active_voice_once(self, wanted):
        voices = [self.voice_of(user(1)), self.voice_of(user(2))]
        wanted.synthesizer.spoken.clear()
        for _ in range(2):
            idle_worker(wanted, active_voices=lambda: voices).run_until_idle()
        assert sorted(request.text for request in wanted.synthesizer.spoken) == sorted(2 * [f"fr:{t}" for t in TEXTS])
        kept = [row for row in rows_of(wanted, cached_answers) if row.kind == "ahead"]
        assert {row.user_id for row in kept} == {"user1", "user2"}
        assert all(wanted.objects.size_bytes(row.value["object"]) for row in kept)
        assert len({row.value["object"].split("/")[1] for row in kept}) == 2

    def test_a_new_version_of_a_voice_speaks_anew(self, wanted):
        versions = ["profile-1"]
        worker = idle_worker(wanted, active_voices=lambda: [self.voice_of(user(1), version=versions[-1])])
        worker.run_until_idle()
        versions.append("profile-2")
        wanted.clock.advance(REST_S + 1)
        wanted.synthesizer.spoken.clear()
        worker.run_until_idle()
        assert len(wanted.synthesizer.spoken) == len(TEXTS)

    def test_a_voice_that_was_erased_while_it_spoke_leaves_nothing(self, wanted):
        active = [self.voice_of(user(1))]

        class Erasing(ScriptedSynthesizer):
            def speak(self, batch):
                active.clear()
                return super().speak(batch)

        wanted.synthesizer = Erasing()
        idle_worker(wanted, active_voices=lambda: list(active)).run_until_idle()
        assert not [row for row in rows_of(wanted, cached_answers) if row.kind == "ahead"]
        assert not [name for name in wanted.stored() if "ahead-" in name]

    def test_what_was_spoken_ahead_is_no_orphan_until_its_answer_goes(self, wanted):
        idle_worker(wanted, active_voices=lambda: [self.voice_of(user(1))]).run_until_idle()
        wanted.clock.advance(40 * 86_400)
        house = House(wanted.database, wanted.objects, wanted.settings)
        delete_orphans(house)
        assert len([name for name in wanted.stored() if "ahead-" in name]) == len(TEXTS)
        with wanted.database.write() as connection:
            connection.execute(sa.delete(cached_answers).where(cached_answers.c.kind == "ahead"))
        delete_orphans(house)
        assert not [name for name in wanted.stored() if "ahead-" in name]


def test_counting_nothing_is_fine(bench):
    with bench.database.write() as connection:
        count_days(connection, {})
    assert rows_of(bench, phrase_days) == []
