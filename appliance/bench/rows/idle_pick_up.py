"""How long a job waits for an idle worker to begin, against a message for an idle worker of stock Dramatiq."""

import itertools
import random
from collections.abc import Iterator, Mapping, Sequence
from statistics import median

import sqlalchemy as sa

from appliance.bench.queue.intake import Outcome, right_audio
from appliance.bench.queue.lab import QueueLab
from appliance.bench.queue.process import cpu_s
from appliance.bench.queue.site import Site
from appliance.bench.rounds import Sample
from appliance.bench.row import Check, Demand, Row, Sides, judged
from appliance.storage.tables import work_items

PICK_UPS, QUICK_PICK_UPS = 7, 2
"""In one run, of which the median counts: each falls somewhere between two looks at the queue."""
PAUSE_S = (1.5, 2.5)
"""Between jobs, at random: a consumer that polls is then anywhere in its longest sleep, as after an idle hour."""
IDLE_S, QUICK_IDLE_S = 10.0, 2.0
MOST_IDLE_SHARE = 0.05
END_S = 30.0


def idle_pick_up(lab: QueueLab, name: str, demand: Demand) -> Row:
    """Measure from the ring after the commit until an engine begins, against `send()` until the actor begins."""
    times, number = lab.random(name), PICK_UPS if not lab.quick else QUICK_PICK_UPS
    outcomes: list[Outcome] = []
    whole_s: list[float] = []
    messages = itertools.count()
    with lab.site(name) as site, lab.stock(name) as stock:
        worker, theirs = site.start_worker({}), stock.start_worker({})
        site.wait_ready()
        idle_s = QUICK_IDLE_S if lab.quick else IDLE_S
        idle = _shares(lab, {"worker": worker.pid, "stock": theirs.pid, "redis": lab.servers.redis.pid}, idle_s)

        def ours() -> Sample:
            waits_s = []
            for _ in _paused(lab, times, number):
                job = site.submit(f"pick-up {len(outcomes)}")
                outcomes.extend(site.finished([job], END_S))
                began_s = site.began("hear", job.asked_s).at_s
                waits_s.append(began_s - job.rang_s)
                whole_s.append(began_s - job.asked_s)
            return Sample(median(waits_s))

        def stocks() -> Sample:
            waits_s = []
            for _ in _paused(lab, times, number):
                sent = stock.send(f"pick-up {next(messages)}")
                stock.ended(sent, END_S)
                waits_s.append(stock.started(sent, END_S).at_s - sent.sent_s)
            return Sample(median(waits_s))

        timings = lab.timed(name, ours, stocks)
        claims_s = _until_claimed(site, outcomes)
    right = right_audio(outcomes)
    return judged(
        name,
        demand,
        timings,
        Check(
            passed=right.passed and idle["worker"] <= MOST_IDLE_SHARE,
            detail=f"{right.detail}, every message ended with the right "
            f"words; our idle worker takes {100 * idle['worker']:.1f} % of a core (at most {100 * MOST_IDLE_SHARE:g})",
        ),
        Sides(
            a=f"median of {number} jobs: the ring after the commit until the engine is called",
            b=f"median of {number} messages: send() until the actor is called; every default of Dramatiq",
            threads=f"one worker process each, idle for {PAUSE_S[0]} to {PAUSE_S[1]} s before each",
        ),
        {
            "submit_until_engine_ms": 1000 * median(whole_s),
            "ring_until_claim_ms": 1000 * median(claims_s),
            "idle_worker_percent": 100 * idle["worker"],
            "idle_stock_percent": 100 * idle["stock"],
            "idle_redis_percent": 100 * idle["redis"],
        },
    )


def _paused(lab: QueueLab, times: random.Random, number: int) -> Iterator[None]:
    for _ in range(number):
        lab.pause(times.uniform(*PAUSE_S))
        yield


def _until_claimed(site: Site, outcomes: Sequence[Outcome]) -> list[float]:
    """Return how long after its ring each job's first claim began, by the database."""
    query = sa.select(work_items.c.job_id, work_items.c.claimed_s).where(work_items.c.stage == "transcribe")
    claimed_s = {row.job_id: row.claimed_s for row in site.rows(query)}
    return [claimed_s[outcome.job.id] - outcome.job.rang_s for outcome in outcomes]


def _shares(lab: QueueLab, pids: Mapping[str, int], for_s: float) -> dict[str, float]:
    """Return the share of a core that each process takes while nothing happens."""
    lab.pause(PAUSE_S[1])
    before, began_s = {name: cpu_s(pid) for name, pid in pids.items()}, lab.clock.monotonic_s()
    lab.pause(for_s)
    lasted_s = lab.clock.monotonic_s() - began_s
    return {name: (cpu_s(pid) - before[name]) / lasted_s for name, pid in pids.items()}
