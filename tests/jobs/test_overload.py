"""Five times more work than fits, of mixed plans, as discrete events on a clock that stands still in between."""

import heapq
import itertools
import random
from dataclasses import dataclass, field

import sqlalchemy as sa

from appliance.audio.pcm import pcm_of
from appliance.errors import Overloaded
from appliance.jobs.claims import Claims
from appliance.jobs.documents import AudioFacts
from appliance.jobs.rates import FAMILIES, Observations
from appliance.storage.tables import jobs
from appliance.testing.engines import scripted_speech
from appliance.workers.worker import STAGES
from tests.jobs.site import Site

SEED = 20260801
WORKERS, OVERLOAD, ARRIVALS_S = 2, 5.0, 40.0
COST = 0.05
"""Seconds of a worker per second of recording and pass; a note has five passes."""
LIMITS = {"hear": 2, "translate": 4, "synthesize": 2, "finish": 4}
SHORTEST_S, LONGEST_S = 2.0, 12.0
PRIORITIES = (0, 0, 0, 1, 1, 1, 2, 2, 2, 2)


@dataclass
class Simulation:
    """Workers of the real stages, whose batches take the time that they would."""

    bench: object
    rng: random.Random
    site: Site = field(init=False)
    accepted: dict[str, tuple[int, float]] = field(default_factory=dict)
    """Priority and seconds of recording by job."""
    offered: dict[int, int] = field(default_factory=dict)
    spent: list[tuple[float, float, tuple[str, ...]]] = field(default_factory=list)
    """When each batch began, how long it took, whose it was."""

    def __post_init__(self) -> None:
        self.site = Site(self.bench, cost=COST, workers=WORKERS)
        self.submitter = self.bench.submitter
        self.claims = {name: Claims(self.bench.database, f"hand {name}", 1e6) for name in range(WORKERS)}
        self.idle = set(self.claims)
        self.context = self.bench.context
        self.observations = Observations()
        self.events: list = []
        self.numbers = itertools.count()
        self.start_s = self.bench.clock.now_s()

    def run(self) -> None:
        mean_s = (SHORTEST_S + LONGEST_S) / 2 * COST * 5
        rate_hz = OVERLOAD * WORKERS / mean_s
        at_s = 0.0
        while at_s < ARRIVALS_S:
            self.later(at_s, self.arrive)
            at_s += self.rng.expovariate(rate_hz)
        for second in range(0, int(2 * ARRIVALS_S), 2):
            self.later(second, self.keep_house)
        while self.events:
            at_s, _, happen = heapq.heappop(self.events)
            clock = self.bench.clock
            clock.advance(max(0.0, self.start_s + at_s - clock.now_s()))
            happen()
            for worker in sorted(self.idle):
                self.claim(worker)

    def later(self, at_s: float, happen) -> None:
        heapq.heappush(self.events, (at_s, next(self.numbers), happen))

    def now_s(self) -> float:
        return self.bench.clock.now_s() - self.start_s

    def keep_house(self) -> None:
        for registry in self.site.registries:
            registry.seen()
        self.observations.tell(self.bench.database)

    def arrive(self) -> None:
        priority = self.rng.choice(PRIORITIES)
        audio_s = self.rng.uniform(SHORTEST_S, LONGEST_S)
        self.offered[priority] = self.offered.get(priority, 0) + 1
        submission = self.site.submission(priority)
        name = f"pcm/{submission.audio_sha256}"
        facts = AudioFacts(pcm=name, duration_s=audio_s, container="wav", codec="pcm_s16le")
        try:
            job = self.submitter.accept(submission, facts)
        except Overloaded:
            return
        # Only now, because nobody claims before this event is over: most are refused.
        self.bench.objects.put(name, pcm_of(scripted_speech(f"note {self.site.notes}")))
        self.accepted[job.id] = (priority, audio_s)

    def claim(self, worker: int) -> None:
        items = self.claims[worker].claim(LIMITS)
        if not items:
            return
        self.idle.discard(worker)
        family, job_ids = items[0].batch_key.split(":")[0], tuple(item.job_id for item in items)
        elapsed_s = sum(COST * self.accepted[job_id][1] for job_id in job_ids) * self.rng.uniform(0.8, 1.2)
        self.spent.append((self.now_s(), elapsed_s, job_ids))

        def finish() -> None:
            STAGES[family](self.context, items)
            self.observations.add(family, job_ids, elapsed_s)
            self.idle.add(worker)

        self.later(self.now_s() + elapsed_s, finish)


def test_at_five_times_the_load_accepted_work_is_in_time_and_the_workers_are_full(bench):
    simulation = Simulation(bench, random.Random(SEED))
    simulation.run()

    with bench.rows() as rows:
        ended = {row.id: row for row in rows.execute(sa.select(jobs))}
    late = {
        job_id: (row.finished_s - row.accepted_s) / (row.deadline_s - row.accepted_s) for job_id, row in ended.items()
    }
    shares = {
        priority: sum(p == priority for p, _ in simulation.accepted.values()) / offered
        for priority, offered in sorted(simulation.offered.items())
    }
    in_time = {job_id for job_id, share in late.items() if share <= 1.0}
    good_s = sum(
        elapsed_s * sum(job_id in in_time for job_id in job_ids) / len(job_ids)
        for began_s, elapsed_s, job_ids in simulation.spent
        if 5.0 <= began_s < ARRIVALS_S
    )
    goodput = good_s / (WORKERS * (ARRIVALS_S - 5.0))
    print(f"seed {SEED}: accepted {shares}, latest {max(late.values()):.2f} of its time, goodput {goodput:.2f}")  # noqa: T201

    assert {*FAMILIES, "enrol"} == set(STAGES)
    assert {row.state for row in ended.values()} == {"done"}
    assert max(late.values()) <= 1.1
    assert goodput >= 0.9
    assert shares[0] > shares[1] > shares[2]
