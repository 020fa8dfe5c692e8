"""The real speaker encoder on real people."""

from pathlib import Path

import numpy as np
import pytest

from appliance.engines.speaker_encoder import ResemblyzerEncoder
from appliance.errors import AudioEmpty, AudioUnreadable, NoSpeech
from appliance.voices.evaluate import Speaker, recorded_speakers

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def encoder(models_dir: Path) -> ResemblyzerEncoder:
    return ResemblyzerEncoder(models_dir / "speaker-encoder" / "pretrained.pt")


@pytest.fixture(scope="module")
def people(human_speech: Path) -> dict[str, Speaker]:
    return {speaker.name: speaker for speaker in recorded_speakers(human_speech)}


def test_one_person_sounds_more_like_themself_than_like_anybody_else(
    encoder: ResemblyzerEncoder, people: dict[str, Speaker]
) -> None:
    halves = [half for person in people.values() for half in np.array_split(person.samples, 2)]
    vectors = np.stack(encoder.embed(halves)).reshape(len(people), 2, -1)
    between = vectors[:, 0] @ vectors[:, 1].T
    assert np.diag(between).min() > 0.75
    assert between[~np.eye(len(people), dtype=bool)].max() < 0.7


def test_a_batch_gives_what_each_clip_gives_alone(encoder: ResemblyzerEncoder, people: dict[str, Speaker]) -> None:
    clips = [people["spk1"].samples, people["jfk"].samples[:30_000], people["spk2"].samples]
    together = encoder.embed(clips)
    for clip, vector in zip(clips, together, strict=True):
        assert vector.shape == (256,) and np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
        assert encoder.embed([clip])[0] @ vector == pytest.approx(1, abs=1e-5)


def test_bad_rows_fail_alone(encoder: ResemblyzerEncoder, people: dict[str, Speaker]) -> None:
    good = people["spk2"].samples
    broken = good.copy()
    broken[100] = np.nan
    batch = [np.zeros(0), good, broken, np.zeros(32_000, np.float32), np.zeros((2, 16_000), np.float32)]
    empty, vector, unreadable, silent, stereo = encoder.embed(batch)
    assert isinstance(empty, AudioEmpty) and isinstance(stereo, AudioEmpty)
    assert isinstance(unreadable, AudioUnreadable) and isinstance(silent, NoSpeech)
    assert encoder.embed([good])[0] @ vector == pytest.approx(1, abs=1e-5)


def test_neither_loudness_nor_a_long_pause_makes_another_speaker(
    encoder: ResemblyzerEncoder, people: dict[str, Speaker]
) -> None:
    speech = people["jfk"].samples
    paused = np.concatenate([speech[:80_000], np.zeros(48_000, np.float32), speech[80_000:]])
    original, quiet, with_pause = encoder.embed([speech, 0.05 * speech, paused])
    assert original @ quiet > 0.999 and original @ with_pause > 0.95


def test_the_identity_names_the_weights(encoder: ResemblyzerEncoder) -> None:
    assert encoder.identity().engine == "resemblyzer" and len(encoder.identity().model_sha256) == 64
