"""Readings: what is spoken on the way to a result belongs to one target and goes when it is no longer needed."""

import hashlib
from contextlib import suppress

from appliance.jobs.cancel import cancel_job, delete_job
from appliance.jobs.states import JobState, TargetState
from tests.jobs.letting_go import let_go


class Killed(BaseException):
    """Ends a worker in the middle of a stage."""


def test_two_formats_of_one_recording_in_flight_do_not_take_each_others_readings(bench):
    jobs = [bench.submit("good morning", "fr", audio_format=form) for form in ("wav", "mp3")]
    bench.worker().run_until_idle()
    assert [bench.get(job).state for job in jobs] == [JobState.DONE, JobState.DONE]


def test_a_target_that_finishes_first_leaves_the_same_reading_of_another(bench):
    first = bench.submit("good morning", "fr")
    bench.synthesizer = type(bench.synthesizer)(spoiled_seeds=[0])
    second = bench.submit("good morning", "fr", audio_format="mp3")
    bench.run()
    assert [bench.get(job).state for job in (first, second)] == [JobState.DONE, JobState.DONE]


def test_a_cancelled_jobs_readings_go_with_it(bench):
    job = spoken_but_not_finished(bench)
    cancel_job(bench.database, job.owner, job.id)
    assert kinds(bench) == ["pcm", "speech"]
    delete_job(bench.database, bench.objects, job.owner, job.id)
    assert kinds(bench) == []


def test_a_failed_targets_readings_are_let_go_with_the_recording(bench):
    job = spoken_but_not_finished(bench)
    cancel_job(bench.database, job.owner, job.id)
    bench.clock.advance(bench.settings.source_ttl_s + 1)
    assert let_go(bench.database, bench.objects, bench.settings) == 1
    assert kinds(bench) == []


def test_a_reading_that_comes_after_the_end_of_its_job_is_not_kept(bench):
    def cancel_first(batch):
        cancel_job(bench.database, job.owner, job.id)

    job = bench.submit("good morning", "fr")
    bench.synthesizer.speak = before(cancel_first, bench.synthesizer.speak)
    bench.run()
    assert bench.get(job).state is JobState.CANCELLED
    assert kinds(bench) == ["pcm"]


def test_audio_that_is_stored_while_its_job_is_cancelled_is_not_kept(bench):
    job = bench.submit("good morning", "fr")
    at_the_end(bench, lambda: cancel_job(bench.database, job.owner, job.id))
    bench.run()
    assert bench.get(job).state is JobState.CANCELLED
    assert kinds(bench) == ["pcm", "speech"]
    delete_job(bench.database, bench.objects, job.owner, job.id)
    assert kinds(bench) == []


def test_the_same_audio_of_another_job_stays(bench):
    done = bench.submit("good morning", "fr", voice="stock")
    bench.run()
    cancelled = bench.submit("good morning", "fr", voice="stock", source_language="en")
    at_the_end(bench, lambda: cancel_job(bench.database, cancelled.owner, cancelled.id))
    bench.run()
    (target,) = bench.get(done).targets
    assert bench.get(cancelled).state is JobState.CANCELLED
    assert [name for name in bench.stored() if name.startswith("result/")] == [target.spoken.object]


def test_audio_that_another_worker_has_finished_meanwhile_stays(bench):
    def taken_over():
        bench.clock.advance(bench.settings.lease_s + 1)
        bench.reconcile()
        bench.worker("w2").run_until_idle()

    job = bench.submit("good morning", "fr")
    at_the_end(bench, taken_over)
    bench.run()
    (target,) = bench.get(job).targets
    # The reading stays: its utterance is kept.
    assert (target.state, kinds(bench)) == (TargetState.DONE, ["pcm", "result", "speech"])
    assert hashlib.sha256(bench.objects.get(target.spoken.object)).hexdigest() == target.spoken.sha256


def at_the_end(bench, happens):
    """Let something happen directly after the next finished audio is stored."""
    put_all = bench.objects.put_all

    def with_a_surprise(contents):
        put_all(contents)
        if any(name.startswith("result/") for name in contents):
            bench.objects.put_all = put_all
            happens()

    bench.objects.put_all = with_a_surprise


def spoken_but_not_finished(bench):
    """Return a job whose language was spoken and whose worker died while it listened to that."""

    def die_of_french(batch):
        if any(request.language == "fr" for request in batch):
            raise Killed

    job = bench.submit("good morning", "fr")
    bench.transcriber = type(bench.transcriber)(on_batch=die_of_french)
    with suppress(Killed):
        bench.run()
    return job


def before(happens, call):
    def both(batch):
        happens(batch)
        return call(batch)

    return both


def kinds(bench):
    return sorted(name.split("/")[0] for name in bench.stored())
