"""A client as an application should be: one idempotency key per request, sent again until somebody answers."""

import hashlib
import itertools
import time
from collections.abc import Sequence

import httpx

from tests.chaos.checker import Asked, History
from tests.processes.conftest import scripted_wav

PATIENCE_S = 300.0
AGAIN_S = 0.1
USER = "alice"


class Client:
    """Sends to several addresses in turn and notes everything in a history; safe for many threads."""

    def __init__(self, urls: Sequence[str], headers: dict[str, str], history: History) -> None:
        self._urls, self._headers, self._history = urls, headers, history
        self._http = httpx.Client(timeout=10.0, limits=httpx.Limits(max_connections=64))
        self._turn = itertools.count()

    def submit(self, key: str, asked: Asked, extra: dict[str, str] | None = None) -> str:
        """Send a request until it is accepted and return the job's id; `extra` headers go with the first sending."""
        self._history.submit(key, asked)
        response = self._until_answered(
            "POST", "/api/v1/voice/translate/async", {"Idempotency-Key": key}, extra or {},
            data={"user_id": USER, "target_langs": ",".join(asked.languages), "consent": "true"},
            files={"audio": ("note.wav", scripted_wav(asked.text))},
        )  # fmt: skip
        assert response.status_code == 202, response.text
        job_id = response.json()["job_id"]
        self._history.acknowledge(key, job_id)
        return job_id

    def look(self, job_id: str) -> dict:
        """Return a job as its owner sees it now."""
        response = self._until_answered("GET", f"/api/v1/voice/job/{job_id}", params={"user_id": USER})
        assert response.status_code == 200, response.text
        self._history.observe(job_id, response.json()["state"])
        return response.json()

    def audio_sha256(self, job: dict, language: str) -> str | None:
        """Return the SHA-256 of a language's audio as it is served, None where there is none."""
        url = next((target["audio_url"] for target in job["targets"] if target["language"] == language), None)
        if url is None:
            return None
        response = self._until_answered("GET", url, params={"user_id": USER})
        return hashlib.sha256(response.content).hexdigest() if response.status_code == 200 else None

    def end(self, job_id: str) -> httpx.Response:
        """Cancel a running job or delete a finished one."""
        return self._until_answered("DELETE", f"/api/v1/voice/job/{job_id}", params={"user_id": USER})

    def close(self) -> None:
        self._http.close()

    def _until_answered(
        self, method: str, path: str, headers: dict[str, str] | None = None, first: dict[str, str] | None = None, **sent
    ) -> httpx.Response:
        """Send until an API answers with something else than that it cannot."""
        until_s = time.monotonic() + PATIENCE_S
        once = first or {}
        while True:
            url = f"{self._urls[next(self._turn) % len(self._urls)]}{path}"
            try:
                response = self._http.request(
                    method, url, headers={**self._headers, **(headers or {}), **once}, **sent
                )  # fmt: skip
                if response.status_code < 500 and response.status_code != 429:
                    return response
            except httpx.TransportError:
                response = None
            once = {}
            assert time.monotonic() < until_s, f"{method} {path}: no answer but {response and response.text}"
            time.sleep(AGAIN_S)
