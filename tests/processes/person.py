"""Alice, who talks to an appliance of processes about her voice profile."""

import httpx

from appliance.audio.pcm import pcm_of
from appliance.audio.wav import wav_bytes
from appliance.engines.protocols import SPEECH_RATE_HZ
from appliance.testing.speakers import spoken_by
from tests.processes.conftest import Appliance

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


def wav_of(text: str) -> bytes:
    return wav_bytes(pcm_of(spoken_by(text, "alice")), SPEECH_RATE_HZ)
