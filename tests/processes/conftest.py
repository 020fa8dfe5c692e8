"""A whole appliance as processes, talked to over HTTP only."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from appliance.audio.pcm import pcm_of
from appliance.audio.wav import wav_bytes
from appliance.commands.child_environment import child_environment
from appliance.commands.serve import running_server
from appliance.engines.protocols import SPEECH_RATE_HZ
from appliance.settings import Settings
from appliance.testing.engines import scripted_speech

WAIT_S = 240.0
FINAL = ("done", "partial", "failed", "cancelled")


def scripted_wav(text: str) -> bytes:
    return wav_bytes(pcm_of(scripted_speech(text)), SPEECH_RATE_HZ)


class Appliance:
    """One running `meeshy serve`, scripted or real."""

    def __init__(self, settings: Settings, module: str) -> None:
        self.settings = settings
        self._arguments = [sys.executable, "-m", *module.split()]
        self.process: subprocess.Popen[bytes] | None = None
        self.url = ""

    def start(self) -> None:
        with (self.settings.data_dir / "test.log").open("ab") as log:
            self.process = subprocess.Popen(
                self._arguments, env=child_environment(self.settings), start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        self.url = eventually(lambda: running_server(self.settings), "the appliance listens")
        eventually(lambda: httpx.get(f"{self.url}/health/ready").status_code == 200, "the appliance is ready")

    def kill(self) -> None:
        """End API and worker at once, as a power cut does."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        (self.settings.data_dir / "server.json").unlink(missing_ok=True)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {(self.settings.data_dir / 'first_key').read_text().strip()}"}

    def submit(self, wav: bytes, *languages: str, user: str = "alice") -> str:
        response = httpx.post(
            f"{self.url}/api/v1/voice/translate/async",
            headers=self.headers,
            data={"user_id": user, "target_langs": ",".join(languages), "consent": "true"},
            files={"audio": ("note.wav", wav)},
            timeout=30,
        )
        assert response.status_code == 202, response.text
        return response.json()["job_id"]

    def job(self, job_id: str, user: str = "alice") -> dict:
        response = httpx.get(f"{self.url}/api/v1/voice/job/{job_id}", headers=self.headers, params={"user_id": user})
        response.raise_for_status()
        return response.json()

    def finished(self, job_id: str, user: str = "alice", within_s: float = WAIT_S) -> dict:
        def ended() -> dict | None:
            job = self.job(job_id, user)
            return job if job["state"] in FINAL else None

        return eventually(ended, f"{job_id} ends", within_s)


def eventually(probe: Callable, what: str, within_s: float = WAIT_S):
    """Return the probe's first true answer; real processes have no clock that a test could move."""
    deadline_s = time.monotonic() + within_s
    while time.monotonic() < deadline_s:
        try:
            if answer := probe():
                return answer
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"not within {within_s} s: {what}")


@pytest.fixture
def scripted(tmp_path: Path) -> Iterator[Callable[..., Appliance]]:
    """Start scripted appliances on data folders of this test; they end with it."""
    with _running("appliance.testing.scripted_serve", tmp_path) as start:
        yield start


@pytest.fixture
def impatient(tmp_path: Path) -> Iterator[Callable[..., Appliance]]:
    """The same, with a worker that may have a batch in hand for 5 s."""
    with _running("appliance.testing.scripted_serve --hung-after 5", tmp_path) as start:
        yield start


@contextmanager
def _running(module: str, tmp_path: Path) -> Iterator[Callable[..., Appliance]]:
    started: list[Appliance] = []

    def start(**changes: object) -> Appliance:
        settings = Settings(data_dir=tmp_path, port=0, **changes)
        appliance = Appliance(settings, module)
        started.append(appliance)
        appliance.start()
        return appliance

    yield start
    for appliance in started:
        if appliance.process is not None and appliance.process.poll() is None:
            os.killpg(appliance.process.pid, signal.SIGKILL)
            appliance.process.wait()
