"""The fakes that are killed: a marked text ends the process, every other one does not; a fuse ends it at its step."""

import signal
import subprocess
import sys
from pathlib import Path

from appliance.engines.protocols import TranscribeRequest
from appliance.testing.engines import scripted_speech
from appliance.testing.fuse import Fuse
from appliance.testing.perilous import DEADLY, PerilousTranscriber

ROOT = Path(__file__).resolve().parents[2]
HEAR = """
import sys
from appliance.engines.protocols import TranscribeRequest
from appliance.testing.engines import scripted_speech
from appliance.testing.perilous import PerilousTranscriber
PerilousTranscriber(0.0).transcribe([TranscribeRequest(scripted_speech(text)) for text in sys.argv[1:]])
"""
BURN = """
from appliance.testing.fuse import Fuse
fuse = Fuse()
fuse.light(2)
fuse.step()
print(1, flush=True)
fuse.step()
"""


def ended_by(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_deadly_text_kills_whoever_hears_its_batch():
    assert ended_by(HEAR, "hello", f"{DEADLY} hello").returncode == -signal.SIGKILL


def test_other_texts_are_heard():
    (heard,) = PerilousTranscriber(0.0).transcribe([TranscribeRequest(scripted_speech("hello"))])
    assert heard.text == "hello"


def test_a_fuse_kills_at_its_step_and_not_before():
    ended = ended_by(BURN)
    assert (ended.returncode, ended.stdout) == (-signal.SIGKILL, "1\n")


def test_a_fuse_that_is_not_lit_counts_nothing():
    fuse = Fuse()
    assert fuse.step() == 0
    fuse.light(0)
    assert [fuse.step(), fuse.step()] == [1, 2]
