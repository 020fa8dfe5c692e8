"""Voice profiles on the real encoder and real voices: who is refused, and that more speech is a better profile.

Bounds stand between the two cases that each test sets apart, far from both.
"""

from pathlib import Path

import numpy as np
import pytest

from appliance.bench.gate_trials import rates, trials
from appliance.bench.voice_growth import profile
from appliance.bench.voice_people import recorded_people, sentences, spoken
from appliance.engines.kokoro import Kokoro
from appliance.engines.protocols import SPEECH_RATE_HZ, Samples
from appliance.engines.speaker_encoder import ResemblyzerEncoder
from appliance.voices import growth
from appliance.voices.growth import Sample
from appliance.voices.judging import Judged, judge
from appliance.voices.same_speaker import THRESHOLD, same_speaker

pytestmark = pytest.mark.models

VOICES = ("af_heart", "am_michael", "bf_emma", "im_nicola")


@pytest.fixture(scope="module")
def encoder(models_dir: Path) -> ResemblyzerEncoder:
    return ResemblyzerEncoder(models_dir / "speaker-encoder" / "pretrained.pt")


@pytest.fixture(scope="module")
def kokoro(models_dir: Path, encoder: ResemblyzerEncoder) -> Kokoro:
    folder = models_dir / "kokoro-82m-int8"
    return Kokoro(folder / "model.onnx", folder / "voices", encoder, threads=2)


@pytest.fixture(scope="module")
def notes(kokoro: Kokoro) -> dict[str, list[Samples]]:
    """Four sentences of each voice."""
    return {name: list(spoken(kokoro, kokoro.stock_voice("en", name), sentences()[:4])) for name in VOICES}


def judged(encoder: ResemblyzerEncoder, *clips: Samples) -> Judged:
    sound = np.concatenate(clips)
    return judge(sound, [(0.0, len(sound) / SPEECH_RATE_HZ)], encoder)


def embedded(encoder: ResemblyzerEncoder, *clips: Samples) -> Samples:
    (found,) = encoder.embed([np.concatenate(clips)])
    return found


def sample(encoder: ResemblyzerEncoder, number: int, clip: Samples) -> Sample:
    return Sample(
        id=str(number), speech_s=len(clip) / SPEECH_RATE_HZ, snr_db=40.0, clipping_ratio=0.0, bandwidth_hz=8_000.0,
        embedding=embedded(encoder, clip),
    )  # fmt: skip


def test_one_voice_is_one_speaker(encoder, notes):
    for name, clips in notes.items():
        assert [fault.code for fault in judged(encoder, *clips).faults] == [], name


@pytest.mark.parametrize("other", ["am_michael", "bf_emma", "im_nicola"])
def test_two_voices_in_a_recording_are_refused_one_after_the_other_and_in_turns(encoder, notes, other):
    one, two = notes["af_heart"], notes[other]
    for joined in ([*one[:2], *two[:2]], [one[0], two[0], one[1], two[1]]):
        assert "several_speakers" in [fault.code for fault in judged(encoder, *joined).faults]


def test_the_gate_lets_the_same_voice_in_and_nobody_else(encoder, notes):
    profiles = {name: embedded(encoder, *clips[:2]) for name, clips in notes.items()}
    for owner, profile_ in profiles.items():
        for name, clips in notes.items():
            assert same_speaker(profile_, embedded(encoder, *clips[2:])) == (name == owner), (owner, name)


def test_a_persons_profile_is_nearer_to_the_held_out_speech_with_more_seconds(encoder, kokoro):
    voice, texts = kokoro.stock_voice("en", "am_michael"), sentences()
    held = embedded(encoder, *spoken(kokoro, voice, texts[-4:]))
    samples = [sample(encoder, n, clip) for n, clip in enumerate(spoken(kokoro, voice, texts[:12]))]
    alike = [float(profile(samples[:count]) @ held) for count in (1, 12)]
    assert alike[1] > alike[0] > THRESHOLD
    assert growth.stability(samples) > growth.stability(samples[:2]) - 0.01
    assert growth.level(samples, growth.stability(samples)) == "refined"


def test_recorded_people_are_told_apart_and_each_is_one_speaker(encoder, human_speech):
    people = recorded_people(human_speech)
    halves = [np.array_split(np.concatenate(person.clips), 2) for person in people]
    found = trials(
        0.0,
        [person.name for person in people],
        [embedded(encoder, half) for half, _ in halves],
        [embedded(encoder, half)[None] for _, half in halves],
    )
    far, frr = rates(found, THRESHOLD)
    assert far.value == frr.value == 0
    for person in people:
        assert "several_speakers" not in [fault.code for fault in judged(encoder, *person.clips).faults], person.name
