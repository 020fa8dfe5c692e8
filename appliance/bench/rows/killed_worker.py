"""A worker killed in the middle of a job, under a pool that lives, against the heartbeat of stock Dramatiq."""

import itertools
import os
import signal
import time

import sqlalchemy as sa

from appliance.bench.queue.intake import Outcome, right_audio
from appliance.bench.queue.lab import QueueLab
from appliance.bench.queue.pacing import pace
from appliance.bench.queue.site import Paces, Site
from appliance.bench.queue.stock import Sent, StockQueue
from appliance.bench.rounds import Sample, Timings
from appliance.bench.row import Check, Demand, Row, Sides, judged
from appliance.storage.tables import work_items

HEAR_S = 1.0
PACES: Paces = {"hear": pace(HEAR_S), "translate": pace(0.01), "synthesize": pace(0.1)}
INVENTORY = """
[[device]]
name = "cpu"
memory_gib = 64
[device.roles.all]
min = 2
max = 2
"""
MAINTENANCE_CHANCE = 1_000_000
"""Of a million commands: every one looks for dead workers. By default one of a thousand does, which takes minutes."""
END_S = 120.0


def killed_worker(lab: QueueLab, name: str, demand: Demand) -> Row:
    """Measure from the kill until the job is done; the baseline's one round waits while ours run."""
    numbers = itertools.count()
    with lab.stock(name, maintenance_chance=MAINTENANCE_CHANCE) as stock, lab.site(name) as site:
        sent, killed_s = _stock_killed(lab, stock)
        ours = lab.repeated(name, lambda: _killed(lab, site, f"killed {next(numbers)}"))
        theirs = Sample(stock.ended(sent, END_S).at_s - killed_s)
        attempts = _attempts(site, [sample.output for sample in ours])
    right = right_audio([sample.output for sample in ours])
    return judged(
        name,
        demand,
        Timings(ours, [theirs]),
        Check(
            passed=right.passed and attempts == {2},
            detail=f"{right.detail} after the kill, each at attempt "
            f"{' and '.join(map(str, sorted(attempts)))} of its transcription; the stock message ended right",
        ),
        Sides(
            a="SIGKILL of a worker in the middle of a job, until the job is done, under `meeshy pool` with two workers",
            b="the same with two stock workers, at their best: every command looks for dead workers (by default one of "
            "a thousand), so the 60 s heartbeat is all there is to wait for. One round, beside ours",
            threads=f"engines sleep {HEAR_S:g} s to hear, 0.01 to translate, 0.1 to speak",
        ),
    )


def _killed(lab: QueueLab, site: Site, text: str) -> Sample:
    pool = site.start_pool(INVENTORY, PACES)
    try:
        site.wait_ready(2)
        job = site.submit(text)
        victim = site.began("hear", job.asked_s).pid
        lab.pause(HEAR_S / 2)
        killed_s = time.time()
        os.kill(victim, signal.SIGKILL)
        (ended,) = site.finished([job], END_S)
        return Sample(ended.finished_s - killed_s, ended)
    finally:
        site.retire(pool)


def _stock_killed(lab: QueueLab, stock: StockQueue) -> tuple[Sent, float]:
    for _ in range(2):
        stock.start_worker(PACES)
    sent = stock.send("killed")
    victim = stock.started(sent, END_S).pid
    lab.pause(HEAR_S / 2)
    killed_s = time.time()
    next(process for process in stock.processes if process.pid == victim).kill()
    return sent, killed_s


def _attempts(site: Site, ended: list[Outcome]) -> set[int]:
    jobs = [outcome.job.id for outcome in ended]
    query = sa.select(work_items.c.attempts).where(work_items.c.job_id.in_(jobs), work_items.c.stage == "transcribe")
    return {attempts for (attempts,) in site.rows(query)}
