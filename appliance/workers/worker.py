"""A worker: claims the most urgent batch it can run, runs its stage, again until nothing waits."""

import logging
from collections.abc import Callable, Mapping, Sequence

from appliance.errors import EngineFailed, StorageUnavailable
from appliance.jobs.claims import Claims
from appliance.jobs.items import ClaimedItem
from appliance.jobs.keeping import kept
from appliance.jobs.rates import Observations
from appliance.stages.context import Context
from appliance.stages.enrol import enrol, refuse_all
from appliance.stages.finish import finish
from appliance.stages.gathering import gathered
from appliance.stages.hear import hear
from appliance.stages.synthesize import synthesize
from appliance.stages.translate import translate
from appliance.stages.work import load_work
from appliance.storage.trial import require_working
from appliance.telemetry.metrics import Metrics
from appliance.workers.roles import BATCH_LIMITS, MAKES

log = logging.getLogger(__name__)

Stage = Callable[[Context, Sequence[ClaimedItem]], None]

STAGES: Mapping[str, Stage] = {
    "hear": hear,
    "translate": translate,
    "synthesize": synthesize,
    "finish": finish,
    "enrol": enrol,
}
"""Which stage runs a batch, by the family of its batch key."""


class Worker:
    """Runs batches one after the other; the engines below it are not safe for two callers."""

    def __init__(
        self,
        context: Context,
        worker_id: str,
        limits: Mapping[str, int] = BATCH_LIMITS,
        ring: Callable[[Sequence[str]], None] = lambda families: None,
        metrics: Metrics | None = None,
        slot: int = 0,
        spare: Callable[[], bool] = lambda: False,
    ) -> None:
        """Work for this context; `limits` says which families this worker takes and how large their batches are.

        `ring` is told after every batch which families it may have left work for; batches are counted in `metrics`.
        `slot` numbers the workers that share a process and its id. `spare` is called when nothing waits: it does one
        small thing ahead of time, or says that there is none.
        """
        self._context = context
        self._ring = ring
        self._metrics = metrics or Metrics()
        self._limits = limits
        self._spare = spare
        self._claims = Claims(context.database, worker_id, context.settings.lease_s, slot)
        self._stopping = False
        self._paused = False
        self._owed: list[ClaimedItem] = []
        """What was in hand when a storage went: its attempts are taken back as soon as the database answers."""
        self.observations = Observations()

    def stop(self) -> None:
        """Claim nothing more; the batch in hand is finished."""
        self._stopping = True

    def look_around(self) -> None:
        """Keep what claims need to know up to date; any thread may call it."""
        self._claims.look()

    def run_until_idle(self) -> int:
        """Run batches until nothing waits or the worker is stopped, and return how many ran.

        While the object store is away nothing is claimed: the next ring tries it again.
        """
        ran = 0
        while not self._stopping and not self._still_paused():
            self._forgive_owed()
            items = self._claims.claim(self._limits)
            if not items:
                # Between two units it is looked for work again: who comes meanwhile waits for the one in hand at most.
                if not self._claims.draining and self._did_ahead():
                    continue
                self._context.forget_old()
                break
            began_s = self._context.clock.monotonic_s()
            self._run(items)
            self._metrics.ran(_family(items), len(items), self._context.clock.monotonic_s() - began_s)
            self._ring(MAKES[_family(items)])
            ran += 1
        return ran

    def _did_ahead(self) -> bool:
        try:
            return self._spare()
        except Exception:
            # The boundary around every engine and library, as for batches: nobody waits for this, and the next ring
            # must find the worker alive.
            log.exception("nothing was done ahead")
            return False

    def _run(self, items: Sequence[ClaimedItem]) -> None:
        stage, clock = STAGES[_family(items)], self._context.clock
        started_s = clock.monotonic_s()
        try:
            with kept(self._claims, items, self._context.settings.lease_s):
                stage(self._context, items)
            job_ids = [item.job_id for item in items if item.job_id]
            if job_ids:
                self.observations.add(_family(items), job_ids, clock.monotonic_s() - started_s)
        except StorageUnavailable as away:
            self._pause_or_leave(items, away)
        except Exception:
            # The boundary around every engine and library: whatever a batch raises must not end the worker, and must
            # not fail the healthy items in it. Each is tried again alone.
            log.exception("a batch of %d failed as a whole", len(items), extra={"batch_key": items[0].batch_key})
            self._settle_apart(items)

    def _pause_or_leave(self, items: Sequence[ClaimedItem], away: StorageUnavailable) -> None:
        self._paused = True
        # An outage may last longer than all attempts together: neither counts. Both may be away at once.
        if away.database_away:
            log.warning("batch left until the database is back: %s", away)
            self._owed += items
        elif self._still_paused():
            log.warning("work pauses: %s", away)
            self._owed += items
            self._forgive_owed()
        else:
            # This one object cannot be read, or the database refused this one statement. The leases run out and the
            # items are claimed again, each alone; the attempt counts, or they would be tried for ever.
            log.warning("batch left to its lease: %s", away)

    def _forgive_owed(self) -> None:
        """Give back what an outage ended; StorageUnavailable while the database is away."""
        while self._owed:
            self._claims.forgive(self._owed[-1])
            self._owed.pop()

    def _still_paused(self) -> bool:
        if self._paused:
            try:
                require_working(self._context.objects)
                self._paused = False
            except StorageUnavailable:
                return True
        return False

    def _settle_apart(self, items: Sequence[ClaimedItem]) -> None:
        exhausted = [item for item in items if item.attempts >= self._context.settings.attempts]
        self._claims.release([item for item in items if item not in exhausted])
        if not items[0].job_id:
            refuse_all(self._context, exhausted, EngineFailed())
            return
        with gathered(self._context) as outcomes:
            for work in load_work(self._context, exhausted):
                outcomes.fail(work, EngineFailed("The engine failed on this item in every attempt."))


def _family(items: Sequence[ClaimedItem]) -> str:
    return items[0].batch_key.split(":")[0]
