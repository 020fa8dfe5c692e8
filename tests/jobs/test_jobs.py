"""Jobs from submission to result."""

from dataclasses import replace

import msgspec
import pytest

from appliance.audio.pcm import pcm_of, samples_of
from appliance.errors import AlreadyFinished, IdempotencyConflict, NoRoute, NotFound
from appliance.jobs.cancel import cancel_job, delete_job
from appliance.jobs.documents import MissingRange
from appliance.jobs.states import JobState, TargetState
from appliance.owner import Owner
from appliance.receipts.receipt import Receipt
from appliance.storage.tables import cached_answers, outbox
from appliance.testing.engines import scripted_speech
from appliance.testing.speakers import FaithfulSynthesizer
from tests.jobs.letting_go import let_go
from tests.jobs.studio import Studio


def test_a_recording_comes_out_in_every_language_asked_for(bench):
    job = bench.submit("good morning", "fr", "es")
    bench.run()
    done = bench.get(job)
    assert done.state is JobState.DONE
    assert done.source.text == "good morning"
    assert [(t.language, t.translation["text"]) for t in done.targets] == [
        ("fr", "fr:good morning"),
        ("es", "es:good morning"),
    ]
    assert all(bench.objects.size_bytes(t.spoken.object) == t.spoken.size_bytes for t in done.targets)


def test_the_receipt_says_what_was_measured(bench):
    job = bench.submit("good morning", "fr")
    bench.run()
    receipt = msgspec.convert(bench.get(job).targets[0].spoken.receipt, Receipt)
    assert (receipt.verdict, receipt.wer, receipt.heard_text) == ("accepted", 0.0, "fr:good morning")
    assert receipt.back_translation_chrf is not None
    assert receipt.route == "argos:en>fr"
    assert [attempt.seed for attempt in receipt.attempts] == [0]


def test_one_transcription_serves_all_languages(bench):
    bench.submit("good morning", "fr", "es")
    bench.run()
    recordings_heard = bench.transcriber.batches[0]
    assert recordings_heard == 1
    assert sum(bench.transcriber.batches) == 1 + 2  # the recording once, each spoken result once


def test_jobs_that_wait_together_are_heard_together(bench):
    for number in range(5):
        bench.submit(f"message {number}", "fr")
    bench.run()
    assert bench.transcriber.batches[0] == 5
    assert sum(bench.transcriber.batches) == 5 + 5  # each recording once, each spoken result once
    assert max(bench.translator.batches) == 5


def test_silence_fails_the_job_with_no_speech(bench):
    job = bench.submit("", "fr")
    bench.run()
    done = bench.get(job)
    assert (done.state, done.error.code) == (JobState.FAILED, "no_speech")
    assert done.targets[0].state is TargetState.FAILED


def test_a_poisoned_recording_fails_alone(bench):
    good, bad = bench.submit("good morning", "fr"), bench.submit("POISON", "fr")
    bench.run()
    assert bench.get(good).state is JobState.DONE
    assert bench.get(bad).error.code == "engine_failed"


def test_a_bad_reading_is_spoken_again_with_another_seed(bench):
    bench.synthesizer = type(bench.synthesizer)(spoiled_seeds=[0])
    job = bench.submit("good morning", "fr")
    bench.run()
    receipt = bench.get(job).targets[0].spoken.receipt
    assert [attempt["seed"] for attempt in receipt["attempts"]] == [0, 1]
    assert (receipt["seed"], receipt["verdict"]) == (1, "accepted")


def test_readings_that_stay_bad_end_in_needs_review_and_are_not_cached(bench):
    bench.synthesizer = type(bench.synthesizer)(spoiled_seeds=range(10))
    job = bench.submit("good morning", "fr")
    bench.run()
    target = bench.get(job).targets[0]
    assert target.state is TargetState.NEEDS_REVIEW
    assert len(target.spoken.receipt["attempts"]) == bench.settings.speak_attempts
    assert not bench.submit("good morning", "fr").targets[0].cached


class Wavering(FaithfulSynthesizer):
    """Speaks one reading after the other as it is told: in these words, in the voice that was asked for or another."""

    def __init__(self, *readings: tuple[str, bool]) -> None:
        super().__init__()
        self._readings = iter(readings)

    def speak(self, batch):
        text, faithful = next(self._readings)
        other = self.stock_voice("fr")
        told = [replace(request, text=text, voice=request.voice if faithful else other) for request in batch]
        return super().speak(told)


def test_an_acceptable_reading_wins_over_one_with_fewer_wrong_words(bench):
    studio = Studio(bench, Wavering(("fr:good morning all", False), ("fr:good morning every", True)))
    bench.settings = bench.settings.model_copy(update={"max_wer": 0.5})
    job = studio.translated("alice", "good morning all", consent=True)
    receipt = job.targets[0].spoken.receipt
    assert [attempt["wer"] > 0 for attempt in receipt["attempts"]] == [False, True]
    assert (receipt["verdict"], receipt["seed"]) == ("accepted", 1)


def test_a_voice_that_the_same_target_made_before_counts_as_no_saving(bench):
    bench.synthesizer = type(bench.synthesizer)(spoiled_seeds=[0])
    job = bench.submit("good morning", "fr")
    bench.run()
    assert "voice" not in bench.get(job).targets[0].spoken.receipt["cached_stages"]


def test_deleting_a_job_takes_its_kept_sentences_along(bench):
    job = bench.submit("a secret", "fr")
    bench.run()
    delete_job(bench.database, bench.objects, job.owner, job.id)
    with bench.rows() as rows:
        assert rows.execute(cached_answers.select()).all() == []


def test_a_repeated_request_is_answered_from_the_cache(bench):
    first = bench.submit("good morning", "fr")
    bench.run()
    again = bench.submit("good morning", "fr")
    assert again.state is JobState.DONE
    assert again.id != first.id
    assert again.targets[0].cached
    assert again.targets[0].spoken == bench.get(first).targets[0].spoken


def test_another_user_never_gets_a_cached_answer(bench):
    bench.submit("good morning", "fr")
    bench.run()
    other = bench.submit("good morning", "fr", owner=Owner("app", "bob"))
    assert other.state is not JobState.DONE


def test_a_new_language_needs_no_second_transcription(bench):
    bench.submit("good morning", "fr")
    bench.run()
    bench.transcriber.batches.clear()
    job = bench.submit("good morning", "es")
    bench.run()
    assert bench.transcriber.batches == [1]  # the verification of the new audio
    assert bench.get(job).targets[0].spoken.receipt["cached_stages"][0] == "transcribe"


def test_identical_requests_in_flight_compute_once(bench):
    jobs = [bench.submit("good morning", "fr") for _ in range(8)]
    bench.run()
    assert len(bench.synthesizer.spoken) == 1
    assert {bench.get(job).state for job in jobs} == {JobState.DONE}
    assert len({bench.get(job).targets[0].spoken.sha256 for job in jobs}) == 1


def test_when_the_first_of_identical_requests_is_cancelled_another_takes_its_place(bench):
    first, second, third = (bench.submit("good morning", "fr") for _ in range(3))
    cancel_job(bench.database, first.owner, first.id)
    bench.run()
    assert bench.get(first).state is JobState.CANCELLED
    assert bench.get(second).state is JobState.DONE
    assert bench.get(third).state is JobState.DONE
    assert len(bench.synthesizer.spoken) == 1


def test_an_idempotency_key_gives_the_same_job_and_refuses_another_request(bench):
    first = bench.submit("good morning", "fr", key="k1")
    assert bench.submit("good morning", "fr", key="k1").id == first.id
    with pytest.raises(IdempotencyConflict):
        bench.submit("good evening", "fr", key="k1")
    assert bench.submit("good morning", "fr", key="k1", owner=Owner("app", "bob")).id != first.id


def test_a_language_without_a_route_is_refused_with_those_that_have_one(bench):
    with pytest.raises(NoRoute) as refusal:
        bench.submit("good morning", "de")
    assert refusal.value.extra["reachable"] == ["en", "es", "fr"]


def test_a_cancelled_job_ends_there(bench):
    job = bench.submit("good morning", "fr")
    assert cancel_job(bench.database, job.owner, job.id).state is JobState.CANCELLED
    assert bench.run() == 0
    with pytest.raises(AlreadyFinished):
        cancel_job(bench.database, job.owner, job.id)


def test_nobody_else_can_read_cancel_or_delete_a_job(bench):
    job = bench.submit("good morning", "fr")
    mallory = Owner("other-app", "alice")
    for attempt in (
        lambda: bench.get(msgspec.structs.replace(job, owner=mallory)),
        lambda: cancel_job(bench.database, mallory, job.id),
        lambda: delete_job(bench.database, bench.objects, mallory, job.id),
    ):
        with pytest.raises(NotFound):
            attempt()


def test_deleting_a_job_removes_its_audio_and_its_cached_answers(bench):
    job = bench.submit("good morning", "fr")
    bench.run()
    delete_job(bench.database, bench.objects, job.owner, job.id)
    assert bench.stored() == []
    assert not bench.submit("good morning", "fr").targets[0].cached


def test_audio_that_another_job_shares_outlives_the_deletion_of_the_first(bench):
    first = bench.submit("good morning", "fr")
    bench.run()
    second = bench.submit("good morning", "fr")
    delete_job(bench.database, bench.objects, first.owner, first.id)
    assert bench.objects.get(bench.get(second).targets[0].spoken.object)


def test_without_consent_a_stock_voice_speaks(bench):
    job = bench.submit("good morning", "fr", consent=False)
    bench.run()
    voice = bench.get(job).targets[0].spoken.receipt["voice"]
    assert voice["kind"] == "stock"
    # What the requester lacked is the answer's to say: the kept audio answers requests that asked for a stock voice.
    assert voice["notice"] is None


def test_two_speakers_in_one_batch_keep_their_voices(bench):
    bench.submit("good morning", "fr")
    bench.submit("the other voice", "fr", owner=Owner("app", "bob"))
    bench.run()
    voices = {request.text: request.voice.version for request in bench.synthesizer.spoken}
    alone = {
        f"fr:{text}": bench.synthesizer.match_voice([samples_of(pcm_of(scripted_speech(text)))], "fr").version
        for text in ("good morning", "the other voice")
    }
    assert voices == alone


def test_a_finished_job_with_a_webhook_leaves_one_message(bench):
    job = bench.submit("good morning", "fr", "es", webhook_url="http://127.0.0.1:9/hook")
    bench.run()
    with bench.rows() as rows:
        assert [row.job_id for row in rows.execute(outbox.select())] == [job.id]


def test_recordings_are_let_go_before_results_and_results_before_nothing_else(bench):
    job = bench.submit("good morning", "fr")
    bench.run()
    bench.clock.advance(bench.settings.source_ttl_s + 1)
    assert let_go(bench.database, bench.objects, bench.settings) == 1
    assert [name.split("/")[0] for name in bench.stored()] == ["result"]
    assert bench.get(job).state is JobState.DONE
    bench.clock.advance(bench.settings.result_ttl_s)
    assert let_go(bench.database, bench.objects, bench.settings) == 1
    assert bench.stored() == []
    with pytest.raises(NotFound):
        bench.get(job)


def test_a_running_job_keeps_its_recording_however_old_it_is(bench):
    job = bench.submit("good morning", "fr")
    bench.clock.advance(10 * bench.settings.result_ttl_s)
    assert let_go(bench.database, bench.objects, bench.settings) == 0
    bench.run()
    assert bench.get(job).state is JobState.DONE


def test_a_cached_answer_still_says_what_was_missing_in_the_recording(bench):
    damaged = {"missing": (MissingRange(1.0, 2.0),)}
    bench.submit("good morning", "fr", facts=damaged)
    bench.run()
    again = bench.submit("good morning", "fr")
    assert again.targets[0].cached
    assert again.audio.missing == (MissingRange(1.0, 2.0),)
    assert again.audio.pcm == ""
