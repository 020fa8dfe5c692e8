"""Sixteen jobs at once against the same number one after the other: what a queue costs when it becomes batches."""

import itertools

from appliance.bench.queue.intake import Outcome, right_audio
from appliance.bench.queue.lab import QueueLab
from appliance.bench.queue.pacing import PACES, SAID
from appliance.bench.rounds import Sample
from appliance.bench.row import Demand, Row, Sides, judged

DEPTH, QUICK_DEPTH = 16, 4
END_S = 60.0


def latency_growth(lab: QueueLab, name: str, demand: Demand) -> Row:
    """Measure from the first submission to the last end, against the sum of the latencies of single jobs."""
    depth, numbers = QUICK_DEPTH if lab.quick else DEPTH, itertools.count()
    with lab.site(name) as site:
        site.start_worker(PACES)
        site.wait_ready()

        def at_once() -> Sample:
            jobs = [site.submit(f"growth {next(numbers)}") for _ in range(depth)]
            ended = site.finished(jobs, END_S)
            return Sample(max(outcome.finished_s for outcome in ended) - jobs[0].asked_s, ended)

        def one_by_one() -> Sample:
            ended: list[Outcome] = []
            for _ in range(depth):
                ended += site.finished([site.submit(f"growth {next(numbers)}")], END_S)
            return Sample(sum(outcome.latency_s for outcome in ended), ended)

        timings = lab.timed(name, at_once, one_by_one)
        batches = [entry.count for entry in site.diary.entries() if entry.what == "hear"]
    ended = [outcome for sample in (*timings.a, *timings.b) for outcome in sample.output]
    return judged(
        name,
        demand,
        timings,
        right_audio(ended),
        Sides(
            a=f"{depth} jobs submitted one right after the other, until the last is done",
            b=f"{depth} times a job alone: the sum of their latencies",
            threads=f"one worker; {SAID}",
        ),
        {"largest_batch": max(batches)},
    )
