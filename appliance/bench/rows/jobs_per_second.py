"""How many jobs the queue itself carries: engines that take no time, a backlog that was there before, large batches."""

import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from statistics import median

import sqlalchemy as sa

from appliance.bench.queue.intake import Outcome, right_audio
from appliance.bench.queue.lab import QueueLab
from appliance.bench.queue.process import cpu_s
from appliance.bench.queue.site import Site
from appliance.bench.quiet import cpu_of_trees_s
from appliance.bench.rounds import Sample
from appliance.bench.row import Check, Demand, Row, Sides, judged
from appliance.jobs.items import FAMILIES
from appliance.jobs.states import OPEN_JOB, ItemState
from appliance.storage.tables import jobs, work_items

JOBS, JOBS_ONE_BY_ONE = 1000, 60
QUICK_JOBS, QUICK_JOBS_ONE_BY_ONE = 60, 12
WORKERS = 4
"""Two for each core of the smallest machine: a worker waits for the disk about as long as it computes, and another has
the core meanwhile."""
BATCH = 128
PRIORITY = 2
END_S = 120.0
LOOK_EVERY_S = 0.25
"""Asking is work for the measured server; when the last job ended is read from its row afterwards."""
ITEMS_PER_JOB = 5
"""Transcribe, translate, synthesize, verify, finish."""


@dataclass
class _Side:
    """One appliance with its workers, and what its runs took besides time."""

    site: Site
    count: int
    server_pid: int
    runs: int = 0
    submitted_per_s: list[float] = field(default_factory=list)
    worker_ms: list[float] = field(default_factory=list)
    server_ms: list[float] = field(default_factory=list)

    def start(self) -> None:
        """Start the workers and return once they are ready."""
        for _ in range(WORKERS):
            self.site.start_worker({})
        self.site.wait_ready(WORKERS)

    def drain(self) -> Sample:
        """Put a backlog before the workers while they stand still; return the seconds per job of working it off."""
        self.runs += 1
        with ExitStack() as held:
            for process in self.site.processes:
                held.enter_context(process.held())
            began_s = time.monotonic()
            backlog = [self.site.submit(f"run {self.runs} job {n}", PRIORITY) for n in range(self.count)]
            self.submitted_per_s.append(self.count / (time.monotonic() - began_s))
            worked_s, served_s = self._worked_s(), cpu_of_trees_s({self.server_pid})
        self.site.wait_until(self._is_idle, f"{self.count} jobs end", END_S, LOOK_EVERY_S)
        self.worker_ms.append(1000 * (self._worked_s() - worked_s) / self.count)
        self.server_ms.append(1000 * (cpu_of_trees_s({self.server_pid}) - served_s) / self.count)
        ended = self.site.finished(backlog, END_S)
        return Sample((max(outcome.finished_s for outcome in ended) - self._first_claim_s(ended)) / self.count, ended)

    def _worked_s(self) -> float:
        return sum(cpu_s(process.pid) for process in self.site.processes)

    def _is_idle(self) -> bool:
        return not self.site.rows(sa.select(jobs.c.id).where(jobs.c.state.in_(OPEN_JOB)).limit(1))

    def _first_claim_s(self, ended: Sequence[Outcome]) -> float:
        ids = [outcome.job.id for outcome in ended]
        ((first_s,),) = self.site.rows(
            sa.select(sa.func.min(work_items.c.claimed_s)).where(work_items.c.job_id.in_(ids))
        )
        return float(first_s)

    def items(self) -> Counter[tuple[str, int]]:
        """Return how many work items ended how, at which attempt."""
        alike = (work_items.c.state, work_items.c.attempts)
        rows = self.site.rows(sa.select(*alike, sa.func.count()).group_by(*alike))
        return Counter({(state, attempts): count for state, attempts, count in rows})


def jobs_per_second(lab: QueueLab, name: str, demand: Demand) -> Row:
    """Measure, from the first claim to the last end, how many jobs per second go through all stages."""
    counts = (QUICK_JOBS, QUICK_JOBS_ONE_BY_ONE) if lab.quick else (JOBS, JOBS_ONE_BY_ONE)
    with (
        lab.site(f"{name}_a", batch_limits=_limits(BATCH)) as batches,
        lab.site(f"{name}_b", batch_limits=_limits(1)) as singly,
    ):
        a, b = (
            _Side(site, count, lab.servers.postgres.pid) for site, count in zip((batches, singly), counts, strict=True)
        )
        a.start()
        b.start()
        timings = lab.timed(name, a.drain, b.drain)
        items = a.items() + b.items()
    ended = [outcome for sample in (*timings.a, *timings.b) for outcome in sample.output]
    right = right_audio(ended)
    once = items[ItemState.DONE, 1]
    wanted = ITEMS_PER_JOB * (a.count * a.runs + b.count * b.runs)
    return judged(
        name,
        demand,
        timings,
        Check(
            passed=right.passed and once == wanted == items.total(),
            detail=f"{right.detail}; {once} of {items.total()} work items done at the first attempt, {wanted} wanted",
        ),
        Sides(
            a=f"one of {a.count:,} jobs that wait, {WORKERS} workers, at most {BATCH} items per batch",
            b=f"one of {b.count:,} jobs, the same with one item per batch",
            threads="no engine takes time: recordings of half a second, stock voices, a folder as object store",
        ),
        {
            "jobs_per_s": 1 / median(sample.elapsed_s for sample in timings.a),
            "best_jobs_per_s": 1 / min(sample.elapsed_s for sample in timings.a),
            "singly_jobs_per_s": 1 / median(sample.elapsed_s for sample in timings.b),
            "submitted_per_s": median(a.submitted_per_s),
            "worker_ms_per_job": median(a.worker_ms),
            "postgresql_ms_per_job": median(a.server_ms),
        },
        per_s=1 / median(sample.elapsed_s for sample in timings.a),
    )


def _limits(largest: int) -> str:
    return ",".join(f"{family}={largest}" for family in FAMILIES)
