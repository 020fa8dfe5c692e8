"""One run: a fleet, a ledger under its database, clients with a history, and the check at the end."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property

import sqlalchemy as sa

from appliance.errors import NotFound
from appliance.storage.opening import open_store
from appliance.storage.tables import jobs, targets
from appliance.testing.spoken import audio_of
from tests.chaos.checker import Asked, EndState, Findings, History, JobRow, TargetRow, check
from tests.chaos.client import Client
from tests.chaos.fleet import Fleet
from tests.chaos.ledger import Ledger

CLIENT_THREADS = 8


class Scene:
    """Everything that a suite works with; `close` ends all of it."""

    def __init__(self, fleet: Fleet, ledger: Ledger, history: History, client: Callable[[], Client]) -> None:
        self.fleet, self.ledger, self.history = fleet, ledger, history
        self._client = client
        self._threads = ThreadPoolExecutor(CLIENT_THREADS)
        self._sending: list[Future[str]] = []
        self.deleted: set[str] = set()
        """Jobs that a client has deleted; they are gone and not lost."""

    @cached_property
    def client(self) -> Client:
        """The client; the fleet's first key must exist."""
        return self._client()

    def send(self, requests: Iterable[tuple[str, Asked]]) -> list[Future[str]]:
        """Submit in the background."""
        client = self.client
        sent = [self._threads.submit(client.submit, key, asked) for key, asked in requests]
        self._sending += sent
        return sent

    def all_sent(self) -> None:
        """Wait until every request is accepted."""
        for sending in self._sending:
            sending.result()

    def finish(self, within_s: float) -> Findings:
        """Wait until everything has ended, look at each job and its audio as a client, and return what went wrong."""
        self.all_sent()
        self.fleet.all_ended(within_s)
        served = list(self._threads.map(self._served, self.history.job_ids()))
        found = check(self.history, self.end_state(), audio_of)
        found.wrong += [f"{job_id} serves other audio" for job_id, well in served if not well]
        return found

    def end_state(self) -> EndState:
        """Return what is left, each result's hash computed from its stored bytes."""
        store = open_store(self.fleet.settings)

        def stored_sha256(spoken: dict | None) -> str | None:
            try:
                return hashlib.sha256(store.get(spoken["object"])).hexdigest() if spoken else None
            except NotFound:
                return None

        job_rows = self.fleet.rows(sa.select(jobs.c.id, jobs.c.idempotency_key, jobs.c.state))
        columns = (targets.c.id, targets.c.job_id, targets.c.language, targets.c.state, targets.c.spoken)
        return EndState(
            tuple(JobRow(*row) for row in job_rows),
            tuple(TargetRow(*row[:4], stored_sha256(row.spoken)) for row in self.fleet.rows(sa.select(*columns))),
            self.ledger.changes(),
        )

    def _served(self, job_id: str) -> tuple[str, bool]:
        job = self.client.look(job_id)
        asked = next(self.history.submitted[key] for key, ids in self.history.acknowledged.items() if job_id in ids)
        done = [target["language"] for target in job["targets"] if target["state"] == "done"]
        return job_id, all(self.client.audio_sha256(job, to) == audio_of(asked.text, to) for to in done)

    def close(self) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)
        if "client" in vars(self):
            self.client.close()
        # Processes first: removing a trigger waits for their transactions.
        self.fleet.stop_all()
        self.ledger.remove()
        self.fleet.close()


def messages(seed: int, count: int, first: int = 0) -> Sequence[tuple[str, Asked]]:
    """Return requests with keys of their own, no two alike."""
    return [(f"key-{number}", Asked(f"run {seed} message {number}")) for number in range(first, first + count)]
