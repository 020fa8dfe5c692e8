"""The embedded appliance as real processes: API, worker child, doorbell, database, object folder."""

import hashlib
import os
import re
import signal
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor

import httpx
import sqlalchemy as sa

from appliance.commands.child_environment import child_environment
from appliance.commands.serve import SERVER_FILE, running_server
from appliance.settings import Settings
from appliance.storage.database import Database
from appliance.storage.tables import targets, work_items
from tests.processes.conftest import WAIT_S, eventually, scripted_wav
from tests.services import fake_nvml as fake_nvml


def test_a_recording_goes_in_and_audio_comes_out(scripted):
    appliance = scripted()
    job = appliance.finished(appliance.submit(scripted_wav("good morning"), "fr"))
    (target,) = job["targets"]
    assert (job["state"], target["text"], target["cached"]) == ("done", "fr:good morning", False)
    audio = httpx.get(f"{appliance.url}{target['audio_url']}", headers=appliance.headers, params={"user_id": "alice"})
    assert audio.content.startswith(b"RIFF")


def test_the_worker_reads_the_gpus_for_the_api_to_tell(scripted, fake_nvml, monkeypatch):
    for name, value in fake_nvml.environment.items():
        monkeypatch.setenv(name, value)
    appliance = scripted(metrics_open=True)
    told = eventually(
        lambda: re.findall(r"^meeshy_gpu_up{.*} (\S+)$", httpx.get(f"{appliance.url}/metrics").text, re.MULTILINE),
        "GPUs are told",
    )
    assert told == ["1.0"] * 8


def test_doorbells_alone_finish_all_jobs(scripted):
    appliance = scripted(poll_rings=False)
    jobs = [appliance.submit(scripted_wav(f"message {number}"), "fr", "es") for number in range(10)]
    assert {appliance.finished(job)["state"] for job in jobs} == {"done"}


def test_kill_9_of_everything_loses_nothing_and_doubles_nothing(scripted):
    appliance = scripted()
    jobs = {f"message {number}": appliance.submit(scripted_wav(f"message {number}"), "fr") for number in range(20)}
    appliance.kill()
    appliance.start()
    for text, job_id in jobs.items():
        job = appliance.finished(job_id)
        assert (job["state"], job["targets"][0]["text"]) == ("done", f"fr:{text}")
    assert _count(appliance, targets, targets.c.state == "done") == len(jobs)
    assert _count(appliance, targets, targets.c.state != "done") == 0


def test_a_killed_worker_child_is_replaced_and_its_work_is_done(scripted):
    appliance = scripted()
    (child,) = _children(appliance.process.pid)
    jobs = [appliance.submit(scripted_wav(f"message {number}"), "fr") for number in range(5)]
    os.kill(child, signal.SIGKILL)
    assert {appliance.finished(job)["state"] for job in jobs} == {"done"}
    eventually(lambda: _children(appliance.process.pid) not in ([], [child]), "a new child runs")


def test_a_recording_that_hangs_the_worker_fails_and_the_appliance_goes_on(impatient):
    appliance = impatient(attempts=2)
    (child,) = _children(appliance.process.pid)
    hung = appliance.finished(appliance.submit(scripted_wav("HANG"), "fr"))
    assert (hung["state"], hung["error"]["code"]) == ("failed", "worker_lost")
    assert child not in _children(appliance.process.pid)
    assert appliance.finished(appliance.submit(scripted_wav("good morning"), "fr"))["state"] == "done"


def test_a_killed_api_takes_its_worker_with_it(scripted):
    appliance = scripted()
    (child,) = _children(appliance.process.pid)
    os.kill(appliance.process.pid, signal.SIGKILL)
    appliance.process.wait()
    eventually(lambda: not os.path.exists(f"/proc/{child}"), "the child ends")


def test_an_appliance_ends_with_the_command_that_started_it_however_that_ended(tmp_path):
    program = """
        import threading
        from appliance.commands import client
        from appliance.settings import Settings
        client.SERVE = ("-m", "appliance.testing.scripted_serve")
        with client.appliance_at(Settings(), lambda sentence: None):
            threading.Event().wait()
    """
    settings = Settings(data_dir=tmp_path, port=0)
    command = [sys.executable, "-c", textwrap.dedent(program)]
    with subprocess.Popen(command, env=child_environment(settings)) as starter:
        try:
            eventually(lambda: running_server(settings), "the appliance listens")
        finally:
            starter.kill()

    # It takes this away when it has ended as it should.
    eventually(lambda: not (tmp_path / SERVER_FILE).exists(), "the appliance has ended")


def test_the_cached_answer_is_the_same_file(scripted):
    appliance = scripted()
    hashes = []
    for _ in range(2):
        job = appliance.finished(appliance.submit(scripted_wav("good morning"), "fr"))
        target = job["targets"][0]
        audio = httpx.get(
            f"{appliance.url}{target['audio_url']}", headers=appliance.headers, params={"user_id": "alice"}
        )
        hashes.append((target["cached"], hashlib.sha256(audio.content).hexdigest()))
    (first_cached, first), (again_cached, again) = hashes
    assert (first_cached, again_cached) == (False, True)
    assert first == again


def test_sigterm_ends_it_cleanly(scripted):
    appliance = scripted()
    (child,) = _children(appliance.process.pid)
    assert appliance.stop() == 0
    assert not os.path.exists(f"/proc/{child}")
    assert not (appliance.settings.data_dir / "server.json").exists()


def _children(pid: int) -> list[int]:
    """Return the worker children of a process; the decoder's spare child is none."""
    with open(f"/proc/{pid}/task/{pid}/children") as listing:
        everyone = [int(child) for child in listing.read().split()]
    threads = os.listdir(f"/proc/{pid}/task")
    for thread in threads:
        with open(f"/proc/{pid}/task/{thread}/children") as listing:
            everyone += [int(child) for child in listing.read().split()]
    return sorted({child for child in everyone if "scripted_child" in _command(child)})


def _command(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/cmdline") as command:
            return command.read()
    except FileNotFoundError:
        return ""


def _count(appliance, table, which) -> int:
    database = Database(appliance.settings.database)
    with database.read() as connection:
        count = connection.scalar(sa.select(sa.func.count()).select_from(table).where(which))
    database.close()
    return count


def test_thirty_two_identical_requests_at_once_compute_once(scripted):
    appliance = scripted()
    wav = scripted_wav("good morning")

    def ask(_: int) -> dict:
        response = httpx.post(
            f"{appliance.url}/api/v1/voice/translate",
            headers=appliance.headers,
            data={"user_id": "alice", "target_langs": "fr", "consent": "true"},
            files={"audio": ("note.wav", wav)},
            timeout=WAIT_S,
        )
        assert response.status_code == 200, response.text
        return response.json()

    with ThreadPoolExecutor(32) as threads:
        answers = list(threads.map(ask, range(32)))
    assert {answer["state"] for answer in answers} == {"done"}
    assert len({answer["job_id"] for answer in answers}) == 32
    assert _count(appliance, work_items, work_items.c.stage == "synthesize") == 1
