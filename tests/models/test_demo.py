"""The demo as its user runs it, and as it runs on a machine without any network."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from faster_whisper import WhisperModel
from faster_whisper.audio import decode_audio

from appliance.receipts.wer import word_error_rate

pytestmark = [pytest.mark.models, pytest.mark.timeout(600)]

WITHOUT_NETWORK = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]


@pytest.fixture(scope="module")
def whisper(model_path) -> WhisperModel:
    """Whisper as its own library runs it, apart from everything of ours."""
    return WhisperModel(str(model_path("whisper-base")), device="cpu", compute_type="int8", local_files_only=True)


def demo(models_dir: Path, data_dir: Path, *prefix: str) -> dict:
    command = [*prefix, sys.executable, "-m", "appliance.cli", "demo", "--json"]
    environment = {**os.environ, "MEESHY_MODELS_DIR": str(models_dir), "MEESHY_DATA_DIR": str(data_dir)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=500, check=False)
    log = data_dir / "serve.log"
    assert done.returncode == 0, done.stderr + (log.read_text()[-2000:] if log.exists() else "")
    return json.loads(done.stdout)


def assert_heard_as_reported(document: dict, whisper: WhisperModel) -> None:
    assert [target["language"] for target in document["targets"]] == ["fr", "es"]
    for target in document["targets"]:
        segments, _ = whisper.transcribe(decode_audio(target["audio_path"]), language=target["language"])
        heard = " ".join(segment.text for segment in segments)
        assert word_error_rate(target["text"], heard) <= 0.2, (target["text"], heard)


def test_the_demo_speaks_what_it_reports(models_dir, tmp_path, whisper):
    document = demo(models_dir, tmp_path)
    assert word_error_rate(
        "And so, my fellow Americans: ask not what your country can do for you, ask what you can do for your country.",
        document["source"]["text"],
    ) < 0.1  # fmt: skip
    assert_heard_as_reported(document, whisper)
    for target in document["targets"]:
        assert not target["cached"]
        assert target["receipt"]["similarity"] is not None


def test_the_demo_needs_no_network(models_dir, tmp_path, whisper):
    if os.geteuid() != 0 or shutil.which("unshare") is None or shutil.which("ip") is None:
        pytest.skip("a network namespace needs root, unshare and ip")
    assert_heard_as_reported(demo(models_dir, tmp_path, *WITHOUT_NETWORK), whisper)
