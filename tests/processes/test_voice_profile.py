"""A voice profile on the embedded appliance as real processes, through deaths of the worker and of everything."""

import os
import signal
from pathlib import Path

import httpx

from appliance.audio.pcm import pcm_of
from appliance.audio.wav import wav_bytes
from appliance.engines.protocols import SPEECH_RATE_HZ
from appliance.testing.speakers import spoken_by
from tests.processes.conftest import Appliance, eventually

ASKED = {"subject": "Alice Martin", "purpose": "messages to our customers", "languages": ["fr"], "days": 30}


class Person:
    """Alice, talking to the appliance."""

    def __init__(self, appliance: Appliance) -> None:
        self._appliance = appliance

    @property
    def _address(self) -> dict:
        headers = {**self._appliance.headers, "X-Meeshy-User": "alice"}
        return {"headers": headers, "timeout": 30}

    def ask(self) -> str:
        response = httpx.post(f"{self._appliance.url}/api/v1/voice/profile", json=ASKED, **self._address)
        assert response.status_code == 201, response.text
        return response.json()["challenge"]["statement"]

    def send(self, text: str, kind: str = "sample") -> None:
        wav = wav_bytes(pcm_of(spoken_by(text, "alice", 12.0)), SPEECH_RATE_HZ)
        response = httpx.post(
            f"{self._appliance.url}/api/v1/voice/profile/sample", files={"audio": ("a.wav", wav)}, data={"kind": kind},
            **self._address,
        )  # fmt: skip
        assert response.status_code in (200, 202), response.text

    def profile(self) -> dict:
        return httpx.get(f"{self._appliance.url}/api/v1/voice/profile", **self._address).json()

    def judged(self) -> dict | None:
        profile = self.profile()
        return None if any(sample["state"] == "waiting" for sample in profile["samples"]) else profile

    def erase(self) -> dict:
        return httpx.delete(f"{self._appliance.url}/api/v1/voice/profile", **self._address).json()


def test_kill_9_loses_no_sample_and_judges_none_twice(scripted):
    appliance = scripted(sla_s=0.05)
    alice = Person(appliance)
    alice.send(alice.ask(), "consent")
    assert eventually(alice.judged, "the consent is judged")["state"] == "active"

    for number in range(3):
        alice.send(f"sample {number}")
        for child in _children(appliance.process.pid):
            os.kill(child, signal.SIGKILL)
    alice.send("the last sample")
    appliance.kill()
    appliance.start()

    profile = eventually(alice.judged, "all samples are judged")
    assert [sample["state"] for sample in profile["samples"]] == ["accepted"] * 5
    assert profile["version"] == len(profile["versions"]) == 5
    job = appliance.finished(appliance.submit(wav_of("good morning"), "fr"))
    assert job["targets"][0]["receipt"]["voice"]["profile_version"] == 5
    assert alice.erase()["complete"] is True
    data = Path(appliance.settings.data_dir)
    assert list((data / "objects" / "voice").rglob("*.s16")) == []
    assert not [path for path in (data / "objects" / "voice").rglob("*") if path.is_file()]


def wav_of(text: str) -> bytes:
    return wav_bytes(pcm_of(spoken_by(text, "alice")), SPEECH_RATE_HZ)


def _children(pid: int) -> list[int]:
    """Return the worker children of a process, whichever of its threads started them."""
    listings = Path(f"/proc/{pid}/task").glob("*/children")
    everyone = {int(child) for listing in listings for child in listing.read_text().split()}
    return [child for child in everyone if b"scripted_child" in Path(f"/proc/{child}/cmdline").read_bytes()]
