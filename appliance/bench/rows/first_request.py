"""The first job of a worker that has just said it is ready, against one of a worker that has long been at work."""

import itertools

from appliance.bench.queue.intake import right_audio
from appliance.bench.queue.lab import QueueLab
from appliance.bench.queue.pacing import PACES, SAID
from appliance.bench.queue.site import Site
from appliance.bench.rounds import Sample
from appliance.bench.row import Demand, Row, Sides, judged

LOAD_S = 1.0
WARM_UP_JOBS = 10
END_S = 60.0


def first_request(lab: QueueLab, name: str, demand: Demand) -> Row:
    """Measure a job from submission to its end; every run of A starts a worker of its own."""
    numbers = itertools.count()
    with lab.site(f"{name}_a") as fresh, lab.site(f"{name}_b") as steady:
        steady.start_worker(PACES, load_s=LOAD_S)
        steady.wait_ready()
        for _ in range(WARM_UP_JOBS):
            _job(steady, f"warm-up {next(numbers)}")

        def first() -> Sample:
            worker = fresh.start_worker(PACES, load_s=LOAD_S)
            try:
                fresh.wait_ready()
                return _job(fresh, f"first {next(numbers)}")
            finally:
                fresh.retire(worker)

        timings = lab.timed(name, first, lambda: _job(steady, f"steady {next(numbers)}"))
    ended = [sample.output for sample in (*timings.a, *timings.b)]
    return judged(
        name,
        demand,
        timings,
        right_audio(ended),
        Sides(
            a="the first job of a worker process, submitted as soon as it counts as ready",
            b=f"a job of a worker process that has done {WARM_UP_JOBS} and more",
            threads=f"one worker; {SAID}; each engine loads for {LOAD_S:g} s when warmed, else at its first batch",
        ),
    )


def _job(site: Site, text: str) -> Sample:
    (ended,) = site.finished([site.submit(text)], END_S)
    return Sample(ended.latency_s, ended)
