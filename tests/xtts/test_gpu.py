"""What only a GPU or the real weights can show; `./meeshy test -m gpu tests/xtts` on a machine that has them."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from appliance.catalog.store import ModelStore
from appliance.engines.protocols import SpeakRequest
from appliance.engines.xtts import Xtts
from appliance.settings import Settings
from tests.models.conftest import human_speech as human_speech

pytestmark = [pytest.mark.xtts, pytest.mark.gpu, pytest.mark.timeout(900)]

ROOT = Path(__file__).resolve().parents[2]
TEXTS = ("hello i will be ten minutes late", "please wait for me at the station", "ten minutes", "hello")


@pytest.fixture(autouse=True, scope="module")
def gpu() -> None:
    if (
        shutil.which("nvidia-smi") is None
        or subprocess.run(["nvidia-smi"], check=False, capture_output=True).returncode
    ):
        pytest.skip("no NVIDIA GPU")


@pytest.fixture(scope="module")
def on_gpu(launch):
    engine = Xtts(replace(launch, device="cuda", greedy=True), ("de", "en", "es", "fr"))
    yield engine
    engine.close()


def bench_voice(*options: str, **environment: str) -> dict:
    done = subprocess.run(
        [sys.executable, "-m", "appliance.cli", "bench", "voice", "--json", *options],
        cwd=ROOT, env={**_environment(), **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def _environment() -> dict[str, str]:
    import os

    return {**os.environ, "MEESHY_DEVICE": "cuda", "MEESHY_LICENCE": "evaluation"}


def test_a_batch_on_the_gpu_is_what_each_row_is_alone(on_gpu, voices):
    requests = [SpeakRequest(text, "en", voices[n % 10]) for n, text in enumerate(TEXTS * 4)]
    together = [speech.samples for speech in on_gpu.speak(requests)]
    alone = [on_gpu.speak([request])[0].samples for request in requests]
    for one, other in zip(together, alone, strict=True):
        assert len(one) == len(other) and np.abs(one - other).max() <= 1e-3


def test_a_stream_on_the_gpu_is_the_whole(on_gpu, voices):
    request = SpeakRequest(" ".join(TEXTS), "en", voices[1])
    whole = on_gpu.speak([request])[0].samples
    joined = np.concatenate([piece.samples for piece in on_gpu.stream(request)])
    assert len(joined) == len(whole) and np.abs(joined - whole).max() <= 2e-3


def test_the_real_size_fits_and_batches_of_sixteen_run():
    facts = bench_voice("--random-full-size")["full_size"]
    assert [fact["rows"] for fact in facts if fact["what"] == "batch"] == [1, 4, 8, 16]


def test_the_real_weights_speak_in_the_speakers_voice(human_speech):
    store = ModelStore(Settings(licence="evaluation"))
    if not store.present("xtts-v2"):
        pytest.skip("XTTS-v2 is not installed: ./meeshy models pull xtts-v2")
    report = bench_voice("--weights", str(store.folder("xtts-v2")), "--recordings", str(human_speech))["weights"]
    assert report["conditionings"] < report["sentences"]
    for row in report["rows"]:
        assert row["similarity"] > 0.7 and row["wer"] < 0.2, row
