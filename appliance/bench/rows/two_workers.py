"""The same backlog for two workers and for one: what they lose by sharing a database."""

import itertools
import time
from collections import Counter
from contextlib import ExitStack

import sqlalchemy as sa

from appliance.bench.queue.intake import right_audio
from appliance.bench.queue.lab import QueueLab
from appliance.bench.queue.pacing import PACES, SAID
from appliance.bench.queue.site import Site
from appliance.bench.rounds import Sample
from appliance.bench.row import Check, Demand, Row, Sides, judged
from appliance.storage.tables import work_items

JOBS, QUICK_JOBS = 64, 8
END_S = 120.0
LEAST_SHARE = 0.3
"""Of the work items, for either of two workers."""


def two_workers(lab: QueueLab, name: str, demand: Demand) -> Row:
    """Measure how long a backlog takes that was there before the workers looked."""
    count, runs = QUICK_JOBS if lab.quick else JOBS, itertools.count()
    with lab.site(f"{name}_a") as two, lab.site(f"{name}_b") as one:
        for site, workers in ((two, 2), (one, 1)):
            for _ in range(workers):
                site.start_worker(PACES)
            site.wait_ready(workers)
        timings = lab.timed(
            name, lambda: _drained(two, f"two {next(runs)}", count), lambda: _drained(one, f"one {next(runs)}", count)
        )
        taken = Counter(worker for (worker,) in two.rows(sa.select(work_items.c.worker_id)))
    share = min(taken.values()) / sum(taken.values()) if len(taken) == 2 else 0.0
    ended = [outcome for sample in (*timings.a, *timings.b) for outcome in sample.output]
    right = right_audio(ended)
    return judged(
        name,
        demand,
        timings,
        Check(
            passed=right.passed and share >= LEAST_SHARE,
            detail=f"{right.detail}; the less busy of the two workers took "
            f"{100 * share:.0f} % of the items (at least {100 * LEAST_SHARE:.0f})",
        ),
        Sides(
            a=f"two worker processes, {count} jobs that wait, until the last is done",
            b="one worker process, as many jobs",
            threads=SAID,
        ),
        {"a_jobs_per_s": count / min(s.elapsed_s for s in timings.a),
         "b_jobs_per_s": count / min(s.elapsed_s for s in timings.b)},
    )  # fmt: skip


def _drained(site: Site, label: str, count: int) -> Sample:
    with ExitStack() as held:
        for process in site.processes:
            held.enter_context(process.held())
        jobs = [site.submit(f"{label} {number}") for number in range(count)]
    released_s = time.time()
    ended = site.finished(jobs, END_S)
    return Sample(max(outcome.finished_s for outcome in ended) - released_s, ended)
