"""An appliance of many processes on PostgreSQL and Redis, talked to over HTTP, with scripted engines in its workers."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa

from appliance.commands.child_environment import child_environment
from appliance.settings import Settings
from appliance.storage.database import Database
from appliance.storage.migrate import migrate
from appliance.storage.schema import metadata
from appliance.storage.tables import workers
from tests.processes.conftest import FINAL, eventually, scripted_wav
from tests.services import postgres_url as postgres_url
from tests.services import redis as redis
from tests.services import redis_of_session as redis_of_session
from tests.services import s3_server as s3_server

WORKER = "appliance.testing.scripted_worker"


class Cluster:
    """Processes of one appliance; each is started, killed and looked at by itself."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.database = Database(settings.database_url)
        self.processes: list[subprocess.Popen[bytes]] = []
        self.urls: list[str] = []
        self.key = ""
        """What clients call with; empty: the key that the appliance made for itself."""

    def start_api(self, **changes: object) -> subprocess.Popen[bytes]:
        """Start an API process; its address is the last of `urls`."""
        out = self.settings.data_dir / f"api-{len(self.processes)}.out"
        process = self._start("appliance.cli", "api", "--port", "0", out=out, **changes)
        found = eventually(lambda: re.search(r"listens on (\S+?)\.?(\s|$)", out.read_text()), "the API listens")
        self.urls.append(found[1])
        return process

    def start_worker(self, role: str = "all", **changes: object) -> subprocess.Popen[bytes]:
        return self._start(WORKER, role, **changes)

    def start_module(self, module: str, *arguments: str) -> subprocess.Popen[bytes]:
        """Start another program of the appliance than its ordinary ones."""
        return self._start(module, *arguments)

    def start_housekeeping(self, **changes: object) -> subprocess.Popen[bytes]:
        return self._start("appliance.cli", "housekeeping", **changes)

    def ready_to_accept(self) -> None:
        """Wait until some worker has announced what it can do: jobs are accepted from then on."""
        eventually(lambda: self.rows(sa.select(workers.c.id)), "a worker has announced itself")

    def ready(self) -> None:
        eventually(lambda: httpx.get(f"{self.urls[-1]}/health/ready").status_code == 200, "the appliance is ready")

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key or (self.settings.data_dir / 'first_key').read_text().strip()}"}

    def upload(
        self, text: str, *languages: str, api: int = 0, key: str | None = None, user: str = "alice", wait_s: float = 30
    ) -> httpx.Response:
        """Send a recording in which a text is spoken, and return the answer."""
        return httpx.post(
            f"{self.urls[api]}/api/v1/voice/translate/async",
            headers=self.headers | ({"Idempotency-Key": key} if key else {}),
            data={"user_id": user, "target_langs": ",".join(languages), "consent": "true"},
            files={"audio": ("note.wav", scripted_wav(text))},
            timeout=wait_s,
        )

    def submit(self, text: str, *languages: str, api: int = 0, key: str | None = None, user: str = "alice") -> str:
        """Send a recording that is accepted, and return the job's id."""
        response = self.upload(text, *languages, api=api, key=key, user=user)
        assert response.status_code == 202, response.text
        return response.json()["job_id"]

    def job(self, job_id: str, api: int = 0, user: str = "alice") -> dict:
        url = f"{self.urls[api]}/api/v1/voice/job/{job_id}"
        response = httpx.get(url, headers=self.headers, params={"user_id": user})
        response.raise_for_status()
        return response.json()

    def finished(self, job_id: str, api: int = 0, user: str = "alice", within_s: float = 60.0) -> dict:
        def ended() -> dict | None:
            job = self.job(job_id, api, user)
            return job if job["state"] in FINAL else None

        return eventually(ended, f"{job_id} ends", within_s)

    def rows(self, query: sa.Select) -> list[sa.Row]:
        with self.database.read() as connection:
            return list(connection.execute(query))

    def close(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                os.kill(process.pid, signal.SIGCONT)
                os.kill(process.pid, signal.SIGKILL)
                process.wait()
        self.database.close()

    def _start(self, module: str, *arguments: str, out: Path | None = None, **changes: object):
        settings = self.settings.model_copy(update=changes)
        with (self.settings.data_dir / "test.log").open("ab") as log, (out or Path(os.devnull)).open("ab") as stdout:
            # A group of its own but no session: Linux shares the processor out among sessions first, and a worker that
            # gives way to the API (`nice`) would only give way to itself.
            process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments], env=child_environment(settings), stdin=subprocess.DEVNULL,
                stdout=stdout, stderr=log, process_group=0,
            )  # fmt: skip
        self.processes.append(process)
        return process


@contextmanager
def cluster_of(folder: Path, database_url: str, redis_url: str, **changes: object) -> Iterator[Cluster]:
    """Yield an appliance of no processes yet, on an empty database; its leases and polls are short."""
    settings = Settings(
        **{
            "data_dir": folder, "database_url": database_url, "redis_url": redis_url, "port": 0,
            "requests_per_minute": 0, "lease_s": 3.0, "poll_s": 0.5,
        }
        | changes
    )  # fmt: skip
    made = Cluster(settings)
    migrate(made.database)
    yield made
    made.close()


@pytest.fixture
def cluster(tmp_path: Path, postgres_url: str, redis) -> Iterator[Cluster]:
    """An appliance of no processes yet, on an empty database."""
    with cluster_of(tmp_path, postgres_url, redis.url) as made:
        yield made
    emptied(postgres_url)


def emptied(url: str) -> None:
    """Take every row out of a database that other tests use after this one."""
    cleaner = Database(url)
    with cleaner.write() as connection:
        tables = ", ".join(table.name for table in metadata.sorted_tables)
        connection.execute(sa.text(f"TRUNCATE {tables} CASCADE"))
    cleaner.close()


Submit = Callable[..., str]
