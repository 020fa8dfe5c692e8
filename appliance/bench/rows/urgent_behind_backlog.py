"""An urgent job behind a queue of patient ones, against the last of as many messages in a stock queue."""

import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from appliance.bench.queue.intake import Outcome
from appliance.bench.queue.lab import QueueLab
from appliance.bench.queue.pacing import PACES, SAID
from appliance.bench.queue.process import Process
from appliance.bench.queue.site import Site
from appliance.bench.queue.stock import StockQueue
from appliance.bench.rounds import Sample
from appliance.bench.row import Check, Demand, Row, Sides, judged

BACKLOG, QUICK_BACKLOG = 64, 8
URGENT, PATIENT = 0, 2
END_S = 120.0
MOST_LOSS = 0.1
MOST_WAIT = 1.25
"""How much longer than without an urgent job the oldest patient one may wait."""


@dataclass(frozen=True, slots=True)
class Drained:
    """A backlog that is done: how its jobs ended, how long all took, and the urgent one's time where there was one."""

    patient: Sequence[Outcome]
    lasted_s: float
    urgent: Outcome | None = None

    @property
    def oldest_s(self) -> float:
        """Return the longest time of a patient job from asking to its end."""
        return max(outcome.latency_s for outcome in self.patient)

    @property
    def right(self) -> bool:
        """Return whether every job has the right audio."""
        return all(outcome.right for outcome in [*self.patient, *([self.urgent] if self.urgent else [])])


def urgent_behind_backlog(lab: QueueLab, name: str, demand: Demand) -> Row:
    """Measure an urgent job that comes while the first batch of a backlog runs, until it is done.

    Before every second run of A the same backlog is worked without one, for the check.
    """
    count, runs, turns = QUICK_BACKLOG if lab.quick else BACKLOG, itertools.count(), itertools.count()
    alone: list[Drained] = []
    with lab.site(name) as site, lab.stock(name) as stock:
        worker, theirs = site.start_worker(PACES), stock.start_worker(PACES)
        site.wait_ready()

        def ours() -> Sample:
            if next(turns) % 2 == 0:
                alone.append(_drained(site, worker, f"alone {next(runs)}", count, urgent=False))
            beside = _drained(site, worker, f"beside {next(runs)}", count, urgent=True)
            return Sample(beside.urgent.latency_s if beside.urgent else 0.0, beside)

        timings = lab.timed(name, ours, lambda: _stock(stock, theirs, f"run {next(runs)}", count))
    beside: list[Drained] = [sample.output for sample in timings.a]
    alone = alone[1:]  # the first was the warm-up's
    loss = 1 - median([each.lasted_s for each in alone]) / median([each.lasted_s for each in beside])
    wait_s, undisturbed_s = (median([each.oldest_s for each in side]) for side in (beside, alone))
    right = all(each.right for each in [*alone, *beside])
    return judged(
        name,
        demand,
        timings,
        Check(
            passed=right and loss <= MOST_LOSS and wait_s <= MOST_WAIT * undisturbed_s,
            detail=f"all of {count} + 1 jobs {'have' if right else 'do not have'} the right audio; P2 throughput loss "
            f"{100 * loss:.1f} % (at most {100 * MOST_LOSS:.0f}); the oldest P2 is done after {wait_s:.2f} s, "
            f"{undisturbed_s:.2f} without a P0 (at most {MOST_WAIT} times)",
        ),
        Sides(
            a=f"a P0 job that comes when {count} P2 jobs wait and their first batch runs, until it is done",
            b=f"the same message to one stock queue when {count} wait and the first of them runs",
            threads=f"one worker each, one caller per engine; {SAID}; stock has no batches",
        ),
        {
            "oldest_p2_s": wait_s, "oldest_p2_without_p0_s": undisturbed_s, "p2_throughput_loss_percent": 100 * loss,
            "p2_jobs_per_s": count / median([each.lasted_s for each in beside]),
        },
    )  # fmt: skip


def _drained(site: Site, worker: Process, label: str, count: int, *, urgent: bool) -> Drained:
    with worker.held():
        patient = [site.submit(f"{label} patient {number}", PATIENT) for number in range(count)]
    released_s = time.time()
    hurried = []
    if urgent:
        site.began("hear", released_s)
        hurried.append(site.submit(f"{label} urgent", URGENT))
    ended = site.finished([*patient, *hurried], END_S)
    lasted_s = max(outcome.finished_s for outcome in ended[:count]) - released_s
    return Drained(ended[:count], lasted_s, ended[count] if urgent else None)


def _stock(stock: StockQueue, worker: Process, label: str, count: int) -> Sample:
    with worker.held():
        patient = [stock.send(f"{label} patient {number}") for number in range(count)]
    stock.started(patient[0], END_S)
    hurried = stock.send(f"{label} urgent")
    ended = [stock.ended(sent, END_S) for sent in [*patient, hurried]]
    return Sample(ended[-1].at_s - hurried.sent_s)
