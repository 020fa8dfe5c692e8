"""The client of the XTTS process against one that needs no model: what crosses, and what becomes of trouble."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from appliance.engines.protocols import SpeakRequest, Speech
from appliance.engines.speech_gate import SpeechGate
from appliance.engines.xtts import Xtts
from appliance.engines.xtts_link import LONGEST_BACKOFF_S, SILENCE_LIMIT_S, Launch, XttsLink
from appliance.errors import EngineFailed, MeeshyError, TextUnspeakable
from appliance.testing.clock import FrozenClock
from appliance.testing.scripted_xtts import STEPS

TEXT = "We could meet on Thursday and talk about it over coffee at the station"


@pytest.fixture
def make():
    engines = []

    def engine(silence_limit_s: float = SILENCE_LIMIT_S, **options) -> Xtts:
        launch = Launch(Path(sys.executable), Path("unused"), module="appliance.testing.scripted_xtts")
        pauses = []
        link = XttsLink(launch, clock=FrozenClock(), pause=pauses.append, silence_limit_s=silence_limit_s)
        engines.append(Xtts(launch, ("en", "fr"), link=link, **options))
        engines[-1].pauses = pauses
        return engines[-1]

    yield engine
    for engine in engines:
        engine.close()


def test_nothing_starts_before_it_is_needed(make):
    engine = make()
    assert engine.languages() == {"en", "fr"}
    assert engine.identity().engine == "xtts"
    assert engine._link.starts == 0
    engine.warm()
    assert engine._link.starts == 1


def test_identities_tell_gated_from_ungated_readings_and_weights_apart(make):
    keys = {make().identity().key, make(gate=SpeechGate()).identity().key, make(model_sha256="a" * 64).identity().key}
    assert len(keys) == 3


def test_a_reading_that_turns_in_a_circle_is_made_again_with_another_seed(make):
    engine = make(gate=SpeechGate())
    voice = engine.stock_voice("en")
    good, stuttering = engine.speak([SpeakRequest(TEXT, "en", voice), SpeakRequest(f"{TEXT} STUTTER", "en", voice)])
    assert good.faults == stuttering.faults == ()
    assert engine.status()["utterances"] == 3, "only the piece with a fault is said again"


def test_without_a_gate_the_first_reading_is_what_there_is(make):
    engine = make()
    (speech,) = engine.speak([SpeakRequest(f"{TEXT} STUTTER", "en", engine.stock_voice("en"))])
    assert engine.status()["utterances"] == 1
    assert isinstance(speech, Speech)


def test_what_stays_silent_is_an_error_after_the_budget_and_fails_alone(make):
    engine = make(gate=SpeechGate(readings=4))
    voice = engine.stock_voice("en")
    mute, spoken = engine.speak([SpeakRequest(f"{TEXT} MUTE", "en", voice), SpeakRequest(TEXT, "en", voice)])
    assert isinstance(mute, EngineFailed) and "no sound" in mute.detail
    assert isinstance(spoken, Speech)
    assert engine.status()["utterances"] == 4 + 1


def test_a_fault_that_stays_is_handed_on_with_the_reading(make):
    engine = make(gate=SpeechGate(readings=1))
    (speech,) = engine.speak([SpeakRequest(f"{TEXT} STUTTER", "en", engine.stock_voice("en"))])
    assert "it repeats itself" in speech.faults


def test_a_process_that_dies_raises_for_the_batch_and_pauses_grow_to_a_limit(make):
    engine = make()
    request = SpeakRequest(f"{TEXT} DIE", "en", engine.stock_voice("en"))
    for _ in range(9):
        with pytest.raises(EngineFailed, match="exit code 3"):
            engine.speak([request])
    assert engine.pauses[:3] == [0.5, 1.0, 2.0]
    assert engine.pauses[-1] == LONGEST_BACKOFF_S
    assert isinstance(engine.speak([SpeakRequest(TEXT, "en", engine.stock_voice("en"))])[0], Speech)


def test_a_process_that_is_at_work_shows_it_between_its_answers(make):
    engine = make()
    voice = engine.stock_voice("en")
    said = engine.speak([SpeakRequest(f"{TEXT} {number}", "en", voice) for number in range(3)])
    assert all(isinstance(speech, Speech) for speech in said)
    assert engine._link.signs_of_life == 3 * STEPS


def test_a_process_that_shows_no_life_is_ended_and_the_next_one_speaks(make):
    engine = make(silence_limit_s=2.0)
    voice = engine.stock_voice("en")
    with pytest.raises(EngineFailed, match="ended"):
        engine.speak([SpeakRequest(f"{TEXT} HANG", "en", voice)])
    assert isinstance(engine.speak([SpeakRequest(TEXT, "en", voice)])[0], Speech)
    assert engine._link.starts == 2


def test_a_text_or_language_that_cannot_be_spoken_never_reaches_the_process(make):
    engine = make()
    voice = engine.stock_voice("en")
    marks, german = engine.speak([SpeakRequest("?!", "en", voice), SpeakRequest("Ja.", "de", voice)])
    assert isinstance(marks, TextUnspeakable) and isinstance(german, EngineFailed)
    assert engine.status()["utterances"] == 0
    for call in (lambda: engine.stock_voice("de"), lambda: engine.match_voice([np.ones(16_000)], "de")):
        with pytest.raises(MeeshyError):
            call()


def test_an_empty_batch_is_an_empty_answer(make):
    assert make().speak([]) == []


def test_two_callers_take_turns(make):
    engine = make()
    voice = engine.stock_voice("en")
    requests = [SpeakRequest(f"{TEXT} {number}", "en", voice, number) for number in range(8)]
    alone = [engine.speak([request])[0].samples for request in requests]
    with ThreadPoolExecutor(4) as callers:
        together = [*callers.map(lambda request: engine.speak([request])[0].samples, requests)]
    assert all(np.array_equal(one, other) for one, other in zip(alone, together, strict=True))
    assert engine._link.starts == 1


def test_the_process_is_given_recordings_as_they_are_and_gives_a_cloned_voice(make):
    engine = make()
    quiet, loud = (engine.match_voice([np.full(16_000, level, np.float32)], "en") for level in (0.25, 0.5))
    assert (quiet.kind, loud.kind) == ("cloned", "cloned")
    assert float(quiet.arrays["gpt_cond_latents"].max()) == 0.25
    assert float(loud.arrays["speaker_embedding"].max()) == 0.5
    assert quiet.version != loud.version
    assert engine.conditionings == engine.status()["conditionings"] == 2
