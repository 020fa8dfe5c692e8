"""The pool's loop: looks at host and queue every round, acts, and sleeps until something happens."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from appliance.clock import Clock
from appliance.errors import StorageUnavailable
from appliance.jobs.pool_actions import record_action
from appliance.jobs.reconcile import reconcile
from appliance.jobs.registry import this_host
from appliance.pool.crew import Crew
from appliance.pool.demand import Demand, Observed, Past, remember
from appliance.pool.inventory import Rules
from appliance.pool.layout import Place
from appliance.pool.plan import Change, Start, Stop, plan
from appliance.pool.process import Start as StartProcess
from appliance.pool.reading import Reading, read
from appliance.pool.signals import Signals
from appliance.pool.watchdog import Watchdog
from appliance.settings import Settings
from appliance.storage.database import Database
from appliance.workers.roles import FAMILIES

log = logging.getLogger(__name__)

AWAY_S = 1.0
"""How long the return of lost work waits for a database that did not answer."""


@dataclass(frozen=True)
class Parts:
    """What a pool works with."""

    settings: Settings
    database: Database
    places: tuple[Place, ...]
    rules: Rules
    start: StartProcess
    ring: Callable[[Sequence[str]], None]
    """Tells workers, here and elsewhere, that there is work again."""
    clock: Clock


class Pool:
    """Keeps a host's workers; `run` returns when they have all ended."""

    def __init__(self, parts: Parts) -> None:
        """Nothing is started before `run`."""
        self._parts = parts
        self._crew = Crew(parts.rules, parts.start, self._note)
        self._watchdog = Watchdog(parts.rules)
        self._roles = sorted({role for place in parts.places for role in place.shapes})
        self._past = Past()
        self._orphaned_work = False

    def run(self, signals: Signals) -> None:
        """Work until the process is asked to end, then drain all workers."""
        next_round_s = self._now_s()
        while not signals.stopping:
            self._tend()
            if self._now_s() >= next_round_s:
                self._round()
                next_round_s = self._now_s() + self._parts.rules.round_s
            signals.wait(self._sleep_s(next_round_s - self._now_s()))
        self._crew.leave(self._now_s())
        while not self._crew.empty:
            self._tend()
            if not self._crew.empty:
                signals.wait(self._sleep_s(self._parts.rules.round_s))

    def _tend(self) -> None:
        if self._crew.tend(self._now_s()):
            self._orphaned_work = True
        if self._orphaned_work:
            self._return_work()

    def _return_work(self) -> None:
        """Give back what processes that have ended had in hand, and tell the others."""
        try:
            if reconcile(self._parts.database, self._parts.settings.attempts, wait=True):
                self._parts.ring(FAMILIES)
            self._orphaned_work = False
        except StorageUnavailable as away:
            log.warning("work of an ended worker is not returned yet: %s", away)

    def _round(self) -> None:
        now_s = self._now_s()
        ages_s = self._crew.ages_s(now_s)
        try:
            reading = read(self._parts.database, self._parts.settings, self._roles, list(ages_s))
        except StorageUnavailable as away:
            log.warning("nothing planned: %s", away)
            self._watchdog.blind()
            return
        for pid, reason in self._watchdog.stuck(reading, ages_s, now_s).items():
            self._crew.kill(pid, reason)
        observed = self._observed(reading, now_s)
        for action in plan(self._parts.places, self._parts.rules, observed):
            self._act(action, now_s)
        self._past = remember(self._parts.places, self._parts.rules, observed)

    def _observed(self, reading: Reading, now_s: float) -> Observed:
        seats = self._crew.seats(reading.seen_s, reading.draining)
        return Observed(
            now_s,
            seats,
            {
                role: Demand(waiting.jobs, waiting.slack_s, self._busy(role, reading))
                for role, waiting in reading.waiting.items()
            },
            self._past,
        )

    def _busy(self, role: str, reading: Reading) -> int:
        of_role = self._crew.pids_of(role)
        return sum(batch.pid in of_role for batch in reading.batches)

    def _act(self, action: Start | Stop | Change, now_s: float) -> None:
        if isinstance(action, Start):
            place = next(place for place in self._parts.places if place.name == action.place)
            self._crew.add(place, action.role, action.reason, now_s)
        elif isinstance(action, Stop):
            self._crew.drain(action.seat, action.reason, now_s)
        else:
            self._crew.drain(action.seat, action.reason, now_s, becomes=action.becomes)

    def _note(self, device: str, role: str, action: str, pid: int | None, reason: str) -> None:
        log.info("%s", action, extra={"device": device, "role": role, "pid": pid, "reason": reason})
        try:
            record_action(
                self._parts.database, host=this_host(), device=device, role=role, action=action, pid=pid, reason=reason
            )
        except StorageUnavailable:
            log.warning("an action is in this log only: the database is away")

    def _sleep_s(self, most_s: float) -> float:
        soonest_s = min(most_s, self._crew.due_s(self._now_s()))
        return max(0.0, min(soonest_s, AWAY_S) if self._orphaned_work else soonest_s)

    def _now_s(self) -> float:
        return self._parts.clock.monotonic_s()
