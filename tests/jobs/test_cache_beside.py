"""The stages with a cache in Redis: the same results, nothing in the rows that is not to be there, all of it erased."""

from contextlib import ExitStack, contextmanager

import pytest
import sqlalchemy as sa

from appliance.access.user_erasure import erase_user
from appliance.cache.answers import Answer
from appliance.cache.keys import owner_digest
from appliance.cache.kinds import Kind, lasts_s
from appliance.cache.purges import SECOND_LOOK_S, forget_purged, purges_after
from appliance.cache.redis_cache import RedisCache
from appliance.errors import StorageUnavailable
from appliance.housekeeping.house import House
from appliance.housekeeping.purges import settle_purges
from appliance.jobs.cancel import delete_job
from appliance.jobs.states import JobState
from appliance.owner import Owner
from appliance.stages.shared_work import LEASE_S
from appliance.storage.tables import cached_answers, purges
from appliance.testing.redis_server import redis_program, redis_server
from tests.jobs.studio import ALICE, Studio
from tests.services import needed
from tests.services import redis as redis
from tests.services import redis_of_session as redis_of_session

KINDS = (Kind.TRANSLATION, Kind.AUDIO)


def cache_at(url, bench):
    return RedisCache(url, {kind: lasts_s(bench.settings, kind) for kind in KINDS})


@pytest.fixture
def beside(bench, redis):
    bench.kept = cache_at(redis.url, bench)
    yield bench
    bench.kept.close()


@pytest.fixture
def own_redis():
    needed(redis_program(), "Redis", "Debian: redis-server")
    with redis_server(redis_program()) as server:
        yield server


def kinds_in_rows(bench) -> set[str]:
    with bench.rows() as rows:
        return set(rows.scalars(sa.select(cached_answers.c.kind)))


def test_sentences_and_utterances_are_remembered_there_and_results_in_the_database(beside, redis):
    beside.submit("good morning", "fr", voice="stock")
    beside.run()
    assert kinds_in_rows(beside) == {"result", "transcription"}
    beside.translator.batches.clear()
    beside.synthesizer.spoken.clear()
    again = beside.submit("good morning", "fr", voice="stock", audio_format="mp3")
    beside.run()
    assert (beside.translator.batches, beside.synthesizer.spoken) == ([], [])
    receipt = beside.get(again).targets[0].spoken.receipt
    assert receipt["cached_stages"] == ["transcribe", "translate", "synthesize", "verify"]


def test_a_deleted_job_leaves_nothing_in_redis(beside, redis):
    job = beside.submit("a secret word", "fr")
    beside.run()
    with redis.client() as client:
        assert any(b"secret" in client.get(name) for name in client.keys("*:translation:*"))
        delete_job(beside.database, beside.objects, job.owner, job.id)
        assert forget_purged(beside.database, beside.kept) == 1
        assert client.keys("*") == []
    assert forget_purged(beside.database, beside.kept) == 0


def test_a_worker_takes_back_what_it_keeps_of_a_job_that_is_deleted_meanwhile(beside, redis, monkeypatch):
    beside.submit("a secret word", "fr")
    keep = beside.kept.keep

    def deleted_first(answers):
        if any(answer.kind == Kind.TRANSLATION for answer in answers):
            with beside.database.write() as connection:
                connection.execute(sa.text("DELETE FROM jobs"))
        keep(answers)

    monkeypatch.setattr(beside.kept, "keep", deleted_first)
    beside.run()
    with redis.client() as client:
        assert client.keys("*translation*") == client.keys("*job:*") == []


class Interrupted(RedisCache):
    """Something comes before a worker keeps utterances, after its commit; and something before it looks once more."""

    before = after = staticmethod(lambda: None)

    def keep(self, answers):
        of_interest = any(answer.kind == Kind.AUDIO for answer in answers)
        if of_interest:
            self.before()
        super().keep(answers)
        if of_interest:
            self.after()


@contextmanager
def enrolled(bench, url):
    bench.kept = Interrupted(url, {kind: lasts_s(bench.settings, kind) for kind in KINDS})
    bench.settings = bench.settings.model_copy(update={"cache_redis_url": url})
    studio = Studio(bench)
    studio.enrolled()
    yield studio
    bench.kept.close()


def erase(studio):
    studio.erase()
    forget_purged(studio.database, studio.bench.kept)


def settle(studio):
    return settle_purges(House(studio.database, studio.objects, studio.bench.settings))


def test_a_worker_takes_back_what_it_keeps_of_a_profile_that_is_erased_meanwhile(bench, redis):
    with enrolled(bench, redis.url) as studio:
        bench.kept.before = lambda: erase(studio)
        studio.translated("alice", "a secret word")
    with redis.client() as client:
        assert client.keys("*:audio:*") == client.keys("*job:*") == []


def test_what_a_worker_cannot_take_back_is_asked_for_until_it_is_gone(bench, own_redis):
    """Redis falls silent between keeping and taking back, long after the erasure was confirmed."""
    silence = ExitStack()

    def erased_for_good():
        erase(studio)
        studio.clock.advance(SECOND_LOOK_S + 1)
        settle(studio)
        assert settle(studio).found == 0

    with enrolled(bench, own_redis.url) as studio, silence:
        bench.kept.before = erased_for_good
        bench.kept.after = lambda: silence.enter_context(own_redis.frozen())
        studio.translated("alice", "a secret word")
        silence.close()
        with own_redis.client() as client:
            assert client.keys("*:audio:*")
            assert settle(studio).done == 1
            assert client.keys("*:audio:*") == []


def test_what_a_worker_kept_before_it_died_is_found_by_a_second_look(bench, redis):
    with enrolled(bench, redis.url) as studio:
        job = studio.translated("alice", "a secret word")
        with redis.client() as client:
            names = client.keys("*:audio:*")
            erase(studio)
            assert client.keys("*:audio:*") == []
            # The worker was between its commit and the cache all the time, and dies right after.
            late = Answer(names[0].decode().rsplit(":", 1)[-1], ALICE, Kind.AUDIO, {"late": True}, 3600.0, job.id)
            bench.kept.keep([late])
            assert client.keys("*:audio:*") == names
            studio.clock.advance(SECOND_LOOK_S + 1)
            settle(studio)
            assert client.keys("*:audio:*") == []
        assert settle(studio).found == 0


def test_a_user_who_is_erased_leaves_nothing_in_redis_and_others_everything(beside, redis):
    for owner in (ALICE, Owner("app", "bob")):
        beside.submit("a secret word", "fr", owner=owner, voice="stock")
    beside.run()
    with redis.client() as client:
        before = set(client.keys("*:translation:*"))
        assert erase_user(beside.database, beside.objects, beside.settings, beside.kept, ALICE).complete
        left = set(client.keys("*:translation:*"))
        assert (len(before), len(left)) == (2, 1)
        assert client.keys(f"*{owner_digest(ALICE)}*") == []


def test_jobs_go_on_while_redis_is_away_and_erasure_is_made_up_for(bench, own_redis):
    bench.kept = cache_at(own_redis.url, bench)
    kept = bench.submit("a secret word", "fr", voice="stock")
    bench.run()
    with own_redis.frozen():
        job = bench.submit("good morning", "fr", voice="stock")
        bench.run()
        assert bench.get(job).state is JobState.DONE
        delete_job(bench.database, bench.objects, kept.owner, kept.id)
        with pytest.raises(StorageUnavailable):
            forget_purged(bench.database, bench.kept)
    settings = bench.settings.model_copy(update={"cache_redis_url": own_redis.url})
    house = House(bench.database, bench.objects, settings)
    assert settle_purges(house).done == 1
    with own_redis.client() as client:
        assert not [name for name in client.keys("*:translation:*") if b"secret" in client.get(name)]
    assert settle_purges(house).found == 0
    bench.kept.close()


def test_a_sentence_that_another_worker_translates_is_waited_for_and_else_translated_here(beside, redis):
    beside.submit("good morning", "fr", voice="stock")
    beside.run()
    with redis.client() as client:
        (name,) = client.keys("*:translation:*")
        value, lease = client.get(name), name.replace(b":translation:", b":lease:")
        client.delete(name, *client.keys("*:audio:*"))
        # Another worker holds the lease and never comes back.
        client.set(lease, "somebody", px=round(1000 * LEASE_S))
        beside.translator.batches.clear()
        beside.submit("good morning", "fr", voice="stock", audio_format="mp3")
        beside.run()
        assert len(beside.translator.batches) == 2
        # Another one holds it, and its translation comes while this one waits.
        client.delete(name)
        client.set(lease, "somebody", px=round(1000 * LEASE_S))
        recall, looks = beside.kept.recall, []

        def coming(kind, keys):
            if kind == Kind.TRANSLATION:
                looks.append(kind)
                if len(looks) == 3:
                    client.set(name, value)
            return recall(kind, keys)

        beside.kept.recall = coming
        beside.translator.batches.clear()
        job = beside.submit("good morning", "fr", voice="stock", audio_format="opus")
        beside.run()
        assert beside.translator.batches == []
        assert beside.get(job).targets[0].translation["text"] == "fr:good morning"


def test_every_erasure_is_told_to_the_edge_in_order_and_once(bench):
    jobs = [bench.submit(f"message {number}", "fr") for number in range(3)]
    bench.run()
    audio = [bench.get(job).targets[0].spoken.sha256 for job in jobs]
    for job in jobs:
        delete_job(bench.database, bench.objects, job.owner, job.id)
    with bench.rows() as rows:
        told = purges_after(rows, 0)
        assert [purge.audio_sha256 for purge in told] == [[sha256] for sha256 in audio]
        assert purges_after(rows, told[1].id) == told[2:]


def test_erasures_go_once_every_cache_has_outlived_them_and_is_told(bench, clock):
    job = bench.submit("good morning", "fr")
    bench.run()
    delete_job(bench.database, bench.objects, job.owner, job.id)
    house = House(bench.database, bench.objects, bench.settings)
    settle_purges(house)
    with bench.rows() as rows:
        assert rows.scalar(sa.select(purges.c.forgotten)) is True
    clock.advance(bench.settings.phrase_audio_ttl_s + 1)
    settle_purges(house)
    with bench.rows() as rows:
        assert purges_after(rows, 0) == []
