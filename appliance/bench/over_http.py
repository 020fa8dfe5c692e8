"""The appliance as an application sees it: recordings go in over HTTP, finished jobs and audio come out."""

import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import sqlalchemy as sa

from appliance.bench.lab import Running
from appliance.errors import CommandFailed
from appliance.jobs.states import Stage
from appliance.storage.database import Database
from appliance.storage.tables import work_items

LOOK_EVERY_S = 0.25
"""Every look is a request that costs the appliance a few milliseconds; at 20 a second they would show in a burst."""
JOB_LIMIT_S = 600.0


class OverHttp:
    """One application's connection to a running appliance; a user id of its own makes a request that nothing knows."""

    def __init__(self, running: Running) -> None:
        """Open a keep-alive connection."""
        self._running = running
        self._client = httpx.Client(
            base_url=running.url, headers={"Authorization": f"Bearer {running.key}"}, timeout=JOB_LIMIT_S
        )

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection."""
        self._client.close()

    def translate(self, file: Path, user_id: str, target: str, **fields: str) -> dict[str, Any]:
        """Send a recording, wait for its end, and return the job's document."""
        job = self._post("/api/v1/voice/translate", file, user_id, target, fields)
        return self.finished(job, user_id)

    def submit(self, file: Path, user_id: str, target: str, **fields: str) -> dict[str, Any]:
        """Send a recording and return the job's document at once."""
        return self._post("/api/v1/voice/translate/async", file, user_id, target, fields)

    def finished(self, job: dict[str, Any], user_id: str) -> dict[str, Any]:
        """Return a job's document once it has ended; CommandFailed where it takes too long."""
        until_s = time.monotonic() + JOB_LIMIT_S
        while job["state"] in ("queued", "running"):
            if time.monotonic() > until_s:
                raise CommandFailed(f"Job {job['job_id']} did not end within {JOB_LIMIT_S:.0f} s.")
            time.sleep(LOOK_EVERY_S)
            job = self._answered(
                self._client.get(f"/api/v1/voice/job/{job['job_id']}", params={"user_id": user_id})
            ).json()
        return job

    def audio(self, target: Mapping[str, Any], user_id: str) -> bytes:
        """Return a finished target's audio."""
        if not target["audio_url"]:
            reason = target["error"]["detail"] if target["error"] else "it has none"
            raise CommandFailed(f"No audio in '{target['language']}': {reason}")
        return self._answered(self._client.get(target["audio_url"], params={"user_id": user_id})).content

    def listened(self, job: Mapping[str, Any]) -> int:
        """Return how many times a job's own recording was transcribed: its work items of that stage."""
        database = Database(self._running.settings.database)
        try:
            with database.read() as connection:
                count = sa.select(sa.func.count()).select_from(work_items)
                return connection.scalar(
                    count.where(work_items.c.job_id == job["job_id"], work_items.c.stage == Stage.TRANSCRIBE)
                )  # fmt: skip
        finally:
            database.close()

    def _post(self, path: str, file: Path, user_id: str, target: str, fields: Mapping[str, str]) -> dict[str, Any]:
        response = self._client.post(
            path,
            data={"user_id": user_id, "target_lang": target, **fields},
            files={"audio": (file.name, file.read_bytes())},
        )
        return self._answered(response).json()

    def _answered(self, response: httpx.Response) -> httpx.Response:
        if response.is_error:
            try:
                problem = response.json()
                sentence = f"{problem['detail']} ({problem['code']})"
            except (ValueError, KeyError):
                sentence = f"The appliance answered {response.status_code}."
            raise CommandFailed(sentence)
        return response


def stranger() -> str:
    """Return a user id that nobody has used: rows share a data folder, and nothing is shared between users."""
    return f"user-{uuid.uuid4().hex}"


def only_target(job: Mapping[str, Any]) -> dict[str, Any]:
    """Return the target of a job that has one, which must have audio; CommandFailed says why it has none."""
    (target,) = job["targets"]
    if job["error"] or target["error"]:
        raise CommandFailed((job["error"] or target["error"])["detail"])
    return target
