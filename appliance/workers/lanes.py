"""Two workers in one process: while one message is spoken, another is listened to.

Listening and speaking use different engines, so each may run in a thread of its own; each engine still has one caller.
Parts of both use a single core (phonemes, features, loudness, rows), which the other lane fills.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from types import TracebackType
from typing import Self

from appliance.stages.active_voices import active_voices
from appliance.stages.context import Context
from appliance.storage.database import Database
from appliance.telemetry.metrics import Metrics
from appliance.workers.doorbell import LocalDoorbell
from appliance.workers.roles import FAMILIES, ROLES, limits_of_role
from appliance.workers.spare_time import SpareTime
from appliance.workers.worker import Worker

LANES = ("whisper", "voice")


class Lanes:
    """A worker and a doorbell per lane; together they take every family of work."""

    def __init__(self, context: Context, worker_id: str, metrics: Metrics) -> None:
        """Work for this context; both lanes claim under one worker's id, since one process lives or dies."""
        self._lanes = [
            (frozenset(ROLES[role]), worker, LocalDoorbell(worker.run_until_idle))
            for role in LANES
            for worker in [self._worker(context, worker_id, role, metrics)]
        ]
        self._stack = ExitStack()

    def _worker(self, context: Context, worker_id: str, role: str, metrics: Metrics) -> Worker:
        limits = limits_of_role(role, context.settings.batch_limits)
        spare = SpareTime(context, limits, partial(active_voices, context))
        return Worker(context, worker_id, limits, self.ring, metrics, spare=spare)

    def __enter__(self) -> Self:
        """Start answering doorbells."""
        for _, _, doorbell in self._lanes:
            self._stack.enter_context(doorbell)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for the batches in hand."""
        self._stack.close()

    def ring(self, families: Sequence[str] = FAMILIES) -> None:
        """Wake the lanes that take any of these families."""
        for taken, _, doorbell in self._lanes:
            if not taken.isdisjoint(families):
                doorbell.ring()

    def tell(self, database: Database) -> None:
        """Write down how long the lanes' batches took."""
        for _, worker, _ in self._lanes:
            worker.observations.tell(database)

    def stop(self) -> None:
        """Claim nothing more."""
        for _, worker, _ in self._lanes:
            worker.stop()
