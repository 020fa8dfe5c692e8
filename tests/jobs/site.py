"""A site whose workers and speeds are known, so that what admission says can be counted by hand."""

import hashlib

import pytest
import sqlalchemy as sa

from appliance.errors import Overloaded
from appliance.jobs.documents import AudioFacts, JobDocument, Request
from appliance.jobs.rates import COMMISSIONED, FAMILIES, Rate, learn
from appliance.jobs.registry import WorkerRegistry
from appliance.jobs.submit import Submission
from appliance.jobs.terms import Demand, Terms
from appliance.owner import Owner
from appliance.storage.site import set_site_value

SLAS_S = {0: 3.0, 1: 10.0, 2: 30.0}
PASS_S = 0.5
"""One pass of 5 s at 0.1 s a second; a note takes five: heard, translated, spoken, verified, finished."""
NOTE_S = 5 * PASS_S


def refused(submit, *arguments, **named) -> Overloaded:
    with pytest.raises(Overloaded) as refusal:
        submit(*arguments, **named)
    assert refusal.value.status == 503
    assert refusal.value.retry_after_s >= 1
    return refusal.value


class ByUser:
    """An Allowance that takes the priority from the user's name: `p0`, `p1`, `p2`."""

    def check(self, connection: sa.Connection, application_id: str, languages, voice) -> Terms:
        return Terms(plan="p0", priority=0, sla_s=SLAS_S[0])

    def grant(self, connection: sa.Connection, owner: Owner, demand: Demand, now_s: float) -> Terms:
        priority = int(owner.user_id[1])
        return Terms(plan=f"p{priority}", priority=priority, sla_s=SLAS_S[priority])


class Site:
    """Notes are submitted to it by priority; `cost` is seconds of a worker per second of recording, for each pass."""

    def __init__(self, bench, cost: float | None = 0.1, workers: int = 1) -> None:
        self.bench = bench
        bench.allowance = ByUser()
        self.registries = [WorkerRegistry(bench.database, f"w{number}") for number in range(workers)]
        for registry in self.registries:
            registry.announce(bench._capabilities(), FAMILIES)
        if cost is not None:
            self.measured(dict.fromkeys(FAMILIES, cost))
        self.notes = 0

    def measured(self, costs: dict[str, float]) -> None:
        rates = {
            (family, length): Rate(busy_s=100 * cost, stayed_s=100 * cost, audio_s=100.0)
            for family, cost in costs.items()
            for length in ("short", "medium", "long")
        }
        with self.bench.database.write() as connection:
            learn(connection, rates, self.bench.clock.now_s(), anew=True)
            set_site_value(connection, COMMISSIONED, {}, self.bench.clock.now_s())

    def submission(
        self, priority: int, *targets: str, text: str | None = None, key: str | None = None, owner: Owner | None = None
    ) -> Submission:  # fmt: skip
        self.notes += 1
        text = text or f"note {self.notes}"
        return Submission(
            owner=owner or Owner("app", f"p{priority}"),
            request=Request(targets=targets or ("fr",), voice="stock"),
            audio_sha256=hashlib.sha256(text.encode()).hexdigest(),
            idempotency_key=key,
        )

    def note(self, priority: int, *targets: str, audio_s: float = 5.0, submitter=None, **asked) -> JobDocument:
        submission = self.submission(priority, *targets, **asked)
        facts = AudioFacts(pcm=submission.audio_sha256, duration_s=audio_s, container="wav", codec="pcm_s16le")
        submitter = submitter or self.bench.submitter
        return self.bench.known(submission) or submitter.accept(submission, facts)

    def look(self):
        with self.bench.rows() as rows:
            return self.bench.submitter.admission.look(rows, self.bench.clock.now_s())
