"""What was spoken ahead in a stored voice: found by its owner's next message, heard, and erased with the profile."""

import pytest
import sqlalchemy as sa

from appliance.engines.protocols import SpeakRequest
from appliance.owner import Owner
from appliance.stages.active_voices import active_voices
from appliance.stages.speak_ahead import ActiveVoice
from appliance.stages.speech_shelf import KeptSpeech, SpokenIn
from appliance.storage.tables import cached_answers
from tests.jobs.studio import ALICE, Studio, questions

TEXT = "fr:good morning"
BOB = Owner("app", "bob")


@pytest.fixture
def studio(bench):
    studio = Studio(bench)
    studio.enrolled()
    # The voice is made with the first message that it speaks.
    studio.translated("alice", "hello")
    return studio


def spoken_in(active: ActiveVoice) -> SpokenIn:
    return SpokenIn(active.owner, active.profile_id, active.version, active.language)


def shelved(studio) -> ActiveVoice:
    (active,) = active_voices(studio.context())
    (speech,) = studio.synthesizer.speak([SpeakRequest(TEXT, active.language, active.voice())])
    KeptSpeech(studio.context()).put(spoken_in(active), TEXT, speech)
    studio.synthesizer.spoken.clear()
    return active


def kept(studio) -> list[str]:
    with studio.database.read() as connection:
        return list(connection.scalars(sa.select(cached_answers.c.kind).where(cached_answers.c.kind == "ahead")))


def files(studio) -> list[str]:
    return [name for name in studio.bench.stored() if "/ahead-" in name]


def test_the_voice_of_the_version_in_force_is_active_and_no_other(studio):
    (active,) = active_voices(studio.context())
    assert (active.owner, active.language) == (ALICE, "fr")
    assert active.voice().version == active.version
    studio.judged(ALICE, "alice", "another sample")
    assert [voice.version for voice in active_voices(studio.context())] != [active.version]
    studio.erase()
    assert list(active_voices(studio.context())) == []


def test_a_sentence_that_was_spoken_ahead_is_heard_and_not_spoken_again(studio):
    shelved(studio)
    job = studio.translated("alice", "good morning")
    assert studio.synthesizer.spoken == []
    receipt = job.targets[0].spoken.receipt
    assert job.targets[0].state == "done" and receipt["voice"]["profile_version"] is not None
    assert "synthesize" in receipt["cached_stages"] and "verify" not in receipt["cached_stages"]


def test_it_is_looked_for_once_for_all_messages_of_a_batch(studio):
    shelved(studio)
    for text in ("good morning", "good night"):
        studio.submit("alice", text)
    worker = studio.worker()
    for _ in range(2):
        worker._run(worker._claims.claim({"hear": 8, "translate": 50}))
    items = worker._claims.claim({"synthesize": 4})
    assert len(items) == 2
    with questions(studio.database, "cached_answers") as asked:
        worker._run(items)
    assert len(asked) == 2, "for what was heard to be right before, and for what was spoken ahead"


def test_nobody_else_is_answered_with_it(studio):
    shelved(studio)
    studio.enrolled(BOB, "bob")
    studio.translated("bob", "good morning", owner=BOB)
    assert [request.text for request in studio.synthesizer.spoken] == [TEXT]


def test_it_goes_with_the_profile(studio):
    active = shelved(studio)
    assert kept(studio) and files(studio)
    studio.erase()
    assert not kept(studio) and not files(studio)
    (speech,) = studio.synthesizer.speak([SpeakRequest(TEXT, "fr", active.voice())])
    studio.enrolled()
    KeptSpeech(studio.context()).put(spoken_in(active), TEXT, speech)
    assert not kept(studio) and not files(studio)
