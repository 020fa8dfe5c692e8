"""The process itself: loaded only from tensors, without a network, restarted when it dies, gone when its parent is."""

import os
import pickle
import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from appliance.engines.protocols import SpeakRequest, Speech
from appliance.engines.xtts import Xtts
from appliance.engines.xtts_link import FIRST_BACKOFF_S, Launch, XttsLink
from appliance.errors import Cancelled, EngineFailed, MeeshyError, ModelMissing
from appliance.testing.clock import FrozenClock
from tests.processes.conftest import eventually

pytestmark = pytest.mark.xtts

ROOT = Path(__file__).resolve().parents[2]
LANGUAGES = ("de", "en", "es", "fr")
TEXT = "hello i will be ten minutes late"


def in_background(call) -> tuple[threading.Thread, list]:
    results = []
    thread = threading.Thread(target=lambda: results.append(_outcome(call)))
    thread.start()
    return thread, results


def _outcome(call):
    try:
        return call()
    except MeeshyError as error:
        return error


def test_a_missing_environment_says_how_to_install_it(toy_folder, tmp_path):
    engine = Xtts(Launch(tmp_path / "python", toy_folder), LANGUAGES)
    with pytest.raises(ModelMissing, match="meeshy xtts install"):
        engine.warm()


def test_a_checkpoint_that_is_none_is_refused_with_a_reason(launch, toy_folder, tmp_path):
    broken = tmp_path / "broken"
    shutil.copytree(toy_folder, broken)
    (broken / "model.pth").write_bytes(b"no weights")
    engine = Xtts(replace(launch, folder=broken), LANGUAGES)
    with pytest.raises(EngineFailed, match="cannot be loaded"):
        engine.warm()


def test_a_pickle_in_the_weights_is_not_run(launch, toy_folder, tmp_path):
    class Harmful:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "it-ran"),))

    for name in ("model.pth", "speakers_xtts.pth"):
        harmful = tmp_path / name.replace(".", "-")
        shutil.copytree(toy_folder, harmful)
        (harmful / name).write_bytes(pickle.dumps({"model": Harmful()}))
        with pytest.raises(EngineFailed, match="cannot be loaded"):
            Xtts(replace(launch, folder=harmful), LANGUAGES).warm()
        assert not (tmp_path / "it-ran").exists()


def test_it_has_no_network_and_never_asks_for_one(greedy, voices):
    greedy.speak([SpeakRequest(TEXT, "en", voices[0])])
    [*greedy.stream(SpeakRequest(TEXT, "en", voices[0]))]
    pid = greedy._link.pid

    assert greedy.status()["network_attempts"] == 0
    if greedy._link.facts["network_namespace"]:
        assert os.readlink(f"/proc/{pid}/ns/net") != os.readlink("/proc/self/ns/net")
    for table in ("tcp", "tcp6", "udp", "udp6"):
        connections = Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]
        assert not (greedy._link.facts["network_namespace"] and connections)
    kinds = {os.readlink(entry) for entry in Path(f"/proc/{pid}/fd").iterdir() if entry.is_symlink()}
    sockets = {kind for kind in kinds if kind.startswith("socket:")}
    assert len(sockets) == 1, "one socket: the pair that it is asked over"


def test_it_inherits_no_setting_of_the_appliance(greedy, voices, monkeypatch):
    monkeypatch.setenv("MEESHY_DEEPL_KEY", "hunter2")
    greedy._link.close()
    greedy.speak([SpeakRequest(TEXT, "en", voices[0])])
    environment = Path(f"/proc/{greedy._link.pid}/environ").read_bytes()
    assert b"MEESHY" not in environment and b"hunter2" not in environment
    assert b"HF_HUB_OFFLINE=1" in environment


def test_a_killed_process_fails_the_batch_and_the_next_one_gets_another(launch, voices):
    pauses = []
    link = XttsLink(launch, clock=FrozenClock(), pause=pauses.append)
    engine = Xtts(launch, LANGUAGES, link=link)
    request = SpeakRequest(TEXT, "en", voices[0])
    try:
        before = engine.speak([request])[0].samples
        for number in (1, 2):
            os.kill(link.pid, signal.SIGKILL)
            eventually(lambda: link.pid is None, "it is dead")
            assert np.array_equal(engine.speak([request])[0].samples, before)
            assert link.starts == 1 + number
        # The clock stands still, so each start comes at once after the one before, and waits twice as long.
        assert pauses == [FIRST_BACKOFF_S, 2 * FIRST_BACKOFF_S]
    finally:
        engine.close()


def test_a_process_that_dies_at_work_is_an_error_for_the_batch_not_for_a_row(endless, voices):
    endless.warm()
    thread, results = in_background(lambda: endless.speak([SpeakRequest(TEXT, "en", voices[0])] * 2))
    eventually(lambda: endless._link._turn.locked(), "it works")
    os.kill(endless._link.pid, signal.SIGKILL)
    thread.join(60)
    assert isinstance(results[0], EngineFailed) and "signal 9" in results[0].detail


def test_a_batch_can_be_cancelled_and_the_process_goes_on(endless, greedy, voices):
    endless.warm()
    starts = endless._link.starts
    thread, results = in_background(lambda: endless.speak([SpeakRequest(TEXT, "en", voices[0])] * 4))
    eventually(lambda: endless._link._turn.locked(), "it works")
    eventually(lambda: endless.cancel() or not thread.is_alive(), "it is cancelled")
    assert isinstance(results[0], Cancelled)
    assert isinstance(endless.status()["utterances"], int)
    assert endless._link.starts == starts


def test_a_batch_that_takes_long_shows_that_it_goes_on(endless, voices):
    endless.warm()
    before = endless._link.signs_of_life
    thread, results = in_background(lambda: endless.speak([SpeakRequest(TEXT, "en", voices[0])] * 16))
    eventually(lambda: endless._link.signs_of_life > before + 1 or not thread.is_alive(), "it shows that it goes on")
    eventually(lambda: endless.cancel() or not thread.is_alive(), "it is cancelled")
    assert endless._link.signs_of_life > before + 1
    assert isinstance(results[0], Cancelled)


def test_it_ends_with_the_process_that_started_it_even_in_the_middle_of_an_utterance(launch, endless, voices, tmp_path):
    np.savez(tmp_path / "voice.npz", **voices[0].arrays)
    script = f"""
import sys, threading, numpy as np
from pathlib import Path
from appliance.engines.protocols import SpeakRequest, Voice
from appliance.engines.xtts import Xtts
from appliance.engines.xtts_link import Launch
engine = Xtts(Launch(Path({str(launch.python)!r}), Path({str(endless._link._launch.folder)!r}), threads=1), ("en",))
# From a thread that ends, as a worker's may: the process has to outlive that thread, and not the whole.
starter = threading.Thread(target=engine.warm)
starter.start(); starter.join()
voice = Voice("cloned", "xtts", dict(np.load({str(tmp_path / "voice.npz")!r})), "v")
stream = engine.stream(SpeakRequest({TEXT!r}, "en", voice))
next(stream)
print(engine._link.pid, flush=True)
sys.stdin.read()
"""
    parent = subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )  # fmt: skip
    pid = int(parent.stdout.readline())
    assert Path(f"/proc/{pid}").exists()
    parent.kill()
    parent.wait()
    eventually(lambda: not _lives(pid), "it is gone")
    parent.stdin.close()
    parent.stdout.close()


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_memory_runs_short_and_the_batch_goes_on_in_halves(launch, greedy, voices):
    short = Xtts(replace(launch, greedy=True, rows=8, module="appliance.testing.xtts_short_of_memory"), LANGUAGES)
    requests = [SpeakRequest(f"{TEXT} {'please wait ' * n}", "en", voices[n]) for n in range(8)]
    try:
        spoken = short.speak(requests)
        status = short.status()
    finally:
        short.close()
    assert all(isinstance(each, Speech) for each in spoken)
    for mine, alone in zip(spoken, greedy.speak(requests), strict=True):
        assert len(mine.samples) == len(alone.samples) and np.abs(mine.samples - alone.samples).max() <= 1e-6
    assert status["halvings"] >= 2 and status["largest_pass"] <= 3


GROWTH_BYTES = 16 << 20
"""What they may add to a process of a gigabyte. 100 calls whose tensors (0.3 MB and more) leak would add 30 MB."""


@pytest.mark.parametrize("many", [100, pytest.param(200, marks=pytest.mark.full)])
def test_many_calls_leave_the_process_as_large_as_it_was(brief, voices, many):
    def calls(count: int) -> int:
        for number in range(count):
            batch = [
                SpeakRequest(f"{TEXT} {'please wait ' * (number % 7)}", "en", voices[(number + place) % 10], number)
                for place in range(1 + number % 2)
            ]
            assert all(isinstance(each, Speech) for each in brief.speak(batch))
            if number % 20 == 0:
                [*brief.stream(batch[0])]
        return brief.status()["resident_bytes"]

    settled = calls(40)
    grown = calls(many) - settled
    assert grown <= GROWTH_BYTES, f"{settled / 2**20:.0f} MiB, {grown / 2**20:+.2f} MiB after {many} calls"
