"""What is known skips exactly the steps that would make it, and the receipt says which."""

from itertools import product

import pytest
import sqlalchemy as sa

from appliance.cache.kinds import Kind
from appliance.jobs.cancel import delete_job
from appliance.jobs.states import JobState, Stage, TargetState
from appliance.owner import Owner
from appliance.stages.references import References
from appliance.stages.router import STEPS, Known, after_speech, skipped
from appliance.stages.utterance_memory import apart
from appliance.storage.tables import cached_answers, work_items
from appliance.testing.engines import ScriptedSynthesizer, ScriptedTranscriber

TRUTHS = list(product([False, True], repeat=4))


class TestTheRouter:
    @pytest.mark.parametrize(("transcription", "translation", "voice", "speech"), TRUTHS)
    def test_each_part_that_is_known_skips_its_own_steps_and_no_other(self, transcription, translation, voice, speech):
        known = Known(transcription=transcription, translation=translation, voice=voice, speech=speech)
        expected = [
            *(["transcribe"] if transcription else []), *(["translate"] if translation else []),
            *(["voice"] if voice else []), *(["synthesize", "verify"] if speech else []),
        ]  # fmt: skip
        assert skipped(known) == tuple(expected)
        assert after_speech(known) is (Stage.FINISH if speech else Stage.VERIFY)

    def test_a_known_result_skips_everything_whatever_else_is_known(self):
        assert skipped(Known(result=True)) == skipped(Known(result=True, voice=True)) == STEPS


class Counting(ScriptedSynthesizer):
    """Counts the voices that it makes."""

    voices_made = 0

    def match_voice(self, references, language, embedding=None):
        self.voices_made += 1
        return super().match_voice(references, language, embedding)


class Hearing(ScriptedTranscriber):
    """Tells recordings, whose language is not given, from readings."""

    def __init__(self):
        super().__init__()
        self.recordings = self.readings = 0

    def transcribe(self, batch):
        self.recordings += sum(request.language is None for request in batch)
        self.readings += sum(request.language is not None for request in batch)
        return super().transcribe(batch)


@pytest.fixture
def counted(bench):
    bench.synthesizer, bench.transcriber = Counting(), Hearing()
    bench.references = References()
    return bench


def calls(bench) -> dict[str, int]:
    """Return how often each engine was called since the last time, and start anew."""
    counted = {
        "transcribe": bench.transcriber.recordings, "translate": len(bench.translator.batches),
        "voice": bench.synthesizer.voices_made, "synthesize": len(bench.synthesizer.spoken),
        "verify": bench.transcriber.readings,
    }  # fmt: skip
    bench.transcriber.recordings = bench.transcriber.readings = bench.synthesizer.voices_made = 0
    bench.translator.batches.clear()
    bench.synthesizer.spoken.clear()
    return counted


def forget(bench, kind: Kind) -> None:
    with bench.database.write() as connection:
        assert connection.execute(sa.delete(cached_answers).where(cached_answers.c.kind == kind)).rowcount


def receipt_of(bench, job) -> dict:
    done = bench.get(job)
    assert done.state is JobState.DONE
    return done.targets[0].spoken.receipt


@pytest.mark.parametrize(("transcription", "translation", "voice", "speech"), TRUTHS)
def test_what_is_known_is_not_asked_of_an_engine_and_all_else_is(counted, transcription, translation, voice, speech):
    bench = counted
    bench.submit("good morning", "fr")
    bench.run()
    first = calls(bench)
    # Forward and back are two calls of the translator.
    assert first == {"transcribe": 1, "translate": 2, "voice": 1, "synthesize": 1, "verify": 1}
    for kind, known in (
        (Kind.TRANSCRIPTION, transcription), (Kind.TRANSLATION, translation), (Kind.AUDIO, speech)
    ):  # fmt: skip
        if not known:
            forget(bench, kind)
    if not voice:
        bench.references = References()
    # In another format: the finished language is not known, all that it is made of may be.
    again = bench.submit("good morning", "fr", audio_format="mp3")
    bench.run()
    assert calls(bench) == {
        "transcribe": int(not transcription), "translate": 2 * (not translation), "voice": int(not voice),
        "synthesize": int(not speech), "verify": int(not speech),
    }  # fmt: skip
    receipt = receipt_of(bench, again)
    expected = Known(transcription=transcription, translation=translation, voice=voice, speech=speech)
    assert tuple(receipt["cached_stages"]) == skipped(expected)
    assert (receipt["wer"], receipt["heard_text"]) == (0.0, "fr:good morning")
    assert receipt["back_translation_chrf"] is not None
    assert ("verify" in receipt["stage_ms"]) is not speech


def test_a_known_result_is_answered_without_any_work(counted):
    bench = counted
    bench.submit("good morning", "fr")
    bench.run()
    calls(bench)
    again = bench.submit("good morning", "fr")
    assert (again.state, bench.run(), set(calls(bench).values())) == (JobState.DONE, 0, {0})
    with bench.rows() as rows:
        assert not rows.scalars(sa.select(work_items.c.id).where(work_items.c.job_id == again.id)).all()
    assert bench.get(again) == again


class TestUtterances:
    def test_another_recording_with_the_same_words_in_the_same_voice_is_not_spoken_again(self, counted):
        bench = counted
        bench.submit("good morning", "fr", voice="stock")
        bench.run()
        calls(bench)
        other = bench.submit("good morning", "fr", voice="stock", source_language="en")
        bench.run()
        assert calls(bench)["synthesize"] == 0
        assert receipt_of(bench, other)["cached_stages"] == ["translate", "synthesize", "verify"]

    @pytest.mark.parametrize(
        ("owner", "asked"),
        [
            (Owner("app", "bob"), {"voice": "stock"}),
            (Owner("other", "alice"), {"voice": "stock"}),
            (Owner("app", "alice"), {"voice": "speaker"}),
        ],
    )
    def test_no_other_owner_and_no_other_voice_gets_it(self, counted, owner, asked):
        bench = counted
        bench.submit("good morning", "fr", voice="stock")
        bench.run()
        calls(bench)
        bench.submit("good morning", "fr", owner=owner, audio_format="mp3", **asked)
        bench.run()
        assert (made := calls(bench))["synthesize"] == made["verify"] == 1

    @pytest.mark.parametrize("change", [{"max_wer": 0.1}, {"min_similarity": 0.1}])
    def test_other_limits_judge_anew(self, counted, change):
        bench = counted
        bench.submit("good morning", "fr", voice="stock")
        bench.run()
        calls(bench)
        bench.settings = bench.settings.model_copy(update=change)
        bench.submit("good morning", "fr", voice="stock")
        bench.run()
        assert (made := calls(bench))["synthesize"] == made["verify"] == 1

    def test_it_lasts_a_day(self, counted, clock):
        bench = counted
        bench.submit("good morning", "fr", voice="stock")
        bench.run()
        clock.advance(bench.settings.audio_ttl_s + 1)
        calls(bench)
        bench.submit("good morning", "fr", voice="stock", audio_format="mp3")
        bench.run()
        assert calls(bench)["synthesize"] == 1

    def test_what_was_misheard_is_not_kept_and_a_second_reading_is_another(self, counted):
        bench = counted
        bench.synthesizer = Counting(spoiled_seeds=[0])
        bench.submit("good morning", "fr", voice="stock")
        bench.run()
        assert calls(bench)["synthesize"] == 2
        bench.submit("good morning", "fr", voice="stock", audio_format="mp3")
        bench.run()
        assert calls(bench)["synthesize"] == 0  # the second reading was kept, the first was not
        with bench.rows() as rows:
            kept = rows.scalars(sa.select(cached_answers.c.value).where(cached_answers.c.kind == Kind.AUDIO)).all()
        assert [value["seed"] for value in kept] == [1]

    def test_nothing_is_kept_of_a_language_that_needs_review(self, counted):
        bench = counted
        bench.synthesizer = Counting(spoiled_seeds=range(10))
        job = bench.submit("good morning", "fr")
        bench.run()
        assert bench.get(job).targets[0].state is TargetState.NEEDS_REVIEW
        with bench.rows() as rows:
            assert not rows.scalars(sa.select(cached_answers.c.key).where(cached_answers.c.kind == Kind.AUDIO)).all()
        assert not [name for name in bench.stored() if name.startswith("speech/")]

    def test_a_deleted_job_takes_its_utterances_along(self, counted):
        bench = counted
        job = bench.submit("good morning", "fr")
        bench.run()
        assert [name for name in bench.stored() if name.startswith("speech/")]
        delete_job(bench.database, bench.objects, job.owner, job.id)
        assert bench.stored() == []
        with bench.rows() as rows:
            assert not rows.scalars(sa.select(cached_answers.c.key)).all()

    def test_one_whose_sound_is_gone_is_spoken_again(self, counted):
        bench = counted
        bench.submit("good morning", "fr", voice="stock")
        bench.run()
        for name in bench.stored():
            if name.startswith("speech/"):
                bench.objects.delete(name)
        calls(bench)
        job = bench.submit("good morning", "fr", voice="stock", audio_format="mp3")
        bench.run()
        assert calls(bench)["synthesize"] == 1
        assert "verify" not in receipt_of(bench, job)["cached_stages"]


@pytest.mark.parametrize(
    ("texts", "heard", "expected"),
    [
        (["Good morning.", "How are you?"], "good morning how are you", ["good morning", "how are you"]),
        (["Good morning.", "How are you?"], "Good morning. How are you?", ["Good morning.", "How are you?"]),
        (["L'homme dort."], "l'homme dort", ["l'homme dort"]),
        (["One.", "Two."], "one three", None),
        (["One.", "Two."], "one two three", None),
        (["One.", "Two."], "one", None),
        (["One two."], "one-two", ["one-two"]),
        (["One.", "Two."], "one-two", None),
    ],
)
def test_what_was_heard_falls_apart_at_the_utterances_own_words(texts, heard, expected):
    assert apart(texts, heard) == expected
