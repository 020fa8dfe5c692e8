"""Writing what came of a batch: together, and nobody's outcome for long after it is there."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from appliance.errors import MeeshyError, StorageUnavailable
from appliance.jobs.cancel import object_needed
from appliance.jobs.documents import Failure
from appliance.jobs.outcomes import Outcome, write_outcomes
from appliance.jobs.query import open_ones
from appliance.owner import Owner
from appliance.stages.beside import keep_beside, within_database
from appliance.stages.context import Context
from appliance.stages.work import Work

log = logging.getLogger(__name__)

_NOTHING: Mapping[str, bytes] = {}
GATHERED_S = 0.25
"""What is ready waits for the rest of its batch no longer than this: encoding eight long messages takes seconds.

Writing is the dearer the less comes together: with 64 short messages on a busy machine, a tenth of a second made four
transactions of a batch and 6.0 statements per message, where one transaction makes 2.2."""


@dataclass(frozen=True)
class _Ready:
    outcome: Outcome
    stores: Mapping[str, bytes]
    spent: Sequence[str]
    own: tuple[Owner, str] | None


class Outcomes:
    """The outcomes of one batch; each is written in a transaction with those that are ready about the same time."""

    def __init__(self, context: Context) -> None:
        """Write to this context's database."""
        self._context = context
        self._ready: list[_Ready] = []
        self._since_s = 0.0

    def add(
        self,
        outcome: Outcome,
        *,
        stores: Mapping[str, bytes] = _NOTHING,
        spent: Sequence[str] = (),
        own: tuple[Owner, str] | None = None,
    ) -> None:
        """Write this outcome soon, and before it the objects that it `stores`, by name.

        `spent` names objects that are not needed once it is written. `own` names one of an owner's that this target
        alone stores, and is not needed where the item was lost and the target has ended without it.
        """
        now_s = self._context.clock.monotonic_s()
        if not self._ready:
            self._since_s = now_s
        self._ready.append(_Ready(outcome, stores, spent, own))
        if now_s - self._since_s >= GATHERED_S:
            self.write()

    def fail(self, work: Work, error: MeeshyError) -> None:
        """End the item's target, or its whole job for an item without one, with an error.

        A storage that is away is no failure of the item: StorageUnavailable is raised again, for the worker to pause.
        """
        if isinstance(error, StorageUnavailable):
            raise error
        log.info("%s of %s failed: %s", work.item.stage, work.item.job_id, error.code)
        self.add(Outcome(item=work.item, failure=Failure(error.code, error.detail)))

    def write(self) -> None:
        """Write what is ready in one transaction.

        What the database refuses as a whole is written item by item, so that one row it cannot take costs nobody else
        anything; the refusal is raised at the end, for the worker to release that item.
        """
        ready, self._ready = self._ready, []
        if not ready:
            return
        try:
            self._write(ready)
        except StorageUnavailable:
            raise
        except Exception as refusal:
            if len(ready) == 1:
                raise
            log.warning("%d outcomes are written one by one: %s", len(ready), type(refusal).__name__)
            with ExitStack() as each_in_turn:
                # A stack calls all of them, whatever one raises, and raises it then.
                for one in reversed(ready):
                    each_in_turn.callback(self._write, [one])

    def _write(self, ready: Sequence[_Ready]) -> None:
        # Before the rows that name them.
        self._context.objects.put_all({name: content for each in ready for name, content in each.stores.items()})
        database, outcomes = self._context.database, [each.outcome for each in ready]
        with database.write() as connection:
            own = [within_database(outcome) for outcome in outcomes] if self._context.cache.beside else outcomes
            written = write_outcomes(connection, own, database.now_s(connection))
        keep_beside(self._context, [outcome for outcome in outcomes if outcome.item.id in written])
        self._context.objects.delete_all(
            [name for each in ready if each.outcome.item.id in written for name in each.spent]
        )
        for each in ready:
            if each.outcome.item.id not in written:
                log.info("%s was taken over", each.outcome.item.id)
        self._drop_unwanted([each for each in ready if each.own and each.outcome.item.id not in written])

    def _drop_unwanted(self, lost: Sequence[_Ready]) -> None:
        """Delete objects whose targets have ended without them; for an open one, another worker may make the same.

        Once it has ended nobody will: what names the object now is all, its row or that of one that took it over.
        """
        own = {each.outcome.item.target_id: each.own for each in lost if each.own}
        if not own:
            return
        with self._context.database.read() as connection:
            wanted = open_ones(connection, own)
            unwanted = [
                name
                for target_id, (owner, name) in own.items()
                if target_id not in wanted and not object_needed(connection, owner, name)
            ]
        self._context.objects.delete_all(unwanted)


@contextmanager
def gathered(context: Context) -> Iterator[Outcomes]:
    """Yield a batch's outcomes, and write what is left of them at the end of the block, however it ends."""
    outcomes = Outcomes(context)
    try:
        yield outcomes
    except Exception:
        # Storage that is away for one item, or a library that broke on it, takes nothing from those before it.
        outcomes.write()
        raise
    outcomes.write()
