"""Operators who act on a bench, and what they find there."""

import sqlalchemy as sa

from appliance.access.keys import create_key
from appliance.access.quotas import Quotas
from appliance.admin.actions import Actor, Ask
from appliance.admin.dead_letters import Filter, load_dead_letters
from appliance.errors import EngineFailed
from appliance.jobs.claims import Claims
from appliance.jobs.documents import Failure
from appliance.jobs.lanes import Pause, pause_lane, resume_lane
from appliance.jobs.outcomes import Outcome, write_outcomes
from appliance.jobs.states import JobState
from appliance.jobs.submit import Submitter
from appliance.owner import Owner
from appliance.storage.tables import audit, jobs
from appliance.testing.terms import EverythingAllowed

ANNA = Actor(application_id="app_console", key_id="k1", name="anna")
BOB = Actor(application_id="app_console", key_id="k2", name="bob")


def ask(action, subject, body, key="one", actor=ANNA):
    return Ask(actor=actor, action=action, subject=subject, body=body, idempotency_key=key)


def pause(bench, *lane):
    with bench.database.write() as connection:
        pause_lane(connection, lane, Pause(since_s=bench.clock.now_s(), actor="anna", reason="test"))


def resume(bench, *lane):
    with bench.database.write() as connection:
        resume_lane(connection, lane)


def failed(bench, text="hello", *targets, error=None, **asked):
    """Return a job whose recording could not be listened to."""
    job = bench.submit(text, *(targets or ("fr",)), **asked)
    (item,) = Claims(bench.database, "w1", 60.0).claim({"hear": 1})
    error = error or EngineFailed()
    with bench.database.write() as connection:
        outcome = Outcome(item=item, failure=Failure(error.code, error.detail))
        write_outcomes(connection, [outcome], bench.clock.now_s())
    assert bench.get(job).state is JobState.FAILED
    return job


def dead(bench, which=None, limit=10, cursor=None):
    with bench.rows() as rows:
        return load_dead_letters(rows, bench.clock.now_s(), which or Filter(), limit, cursor)


def audited(bench):
    """Return what operators did, the oldest first: action, actor, subject, result."""
    with bench.rows() as rows:
        found = rows.execute(sa.select(audit).where(audit.c.action.startswith("console.")).order_by(audit.c.id))
        return [(row.action, row.user_id, row.subject, row.detail["result"]) for row in found]


def number_of_jobs(bench):
    with bench.rows() as rows:
        return rows.scalar(sa.select(sa.func.count(jobs.c.id)))


class Interrupted(Submitter):
    """A submitter whose caller does something first, in the transaction that accepts, or afterwards."""

    def __init__(self, bench, *, before=None, within=None, after=None):
        super().__init__(
            bench.database, bench.settings, bench._capabilities, bench._ring, EverythingAllowed(bench.settings.sla_s)
        )
        self.before, self.within, self.after = before, within, after

    def accept(self, submission, audio, require, within):
        if self.before:
            self.before()

        def requiring(connection):
            require(connection)
            if self.within:
                self.within(connection)

        job = super().accept(submission, audio, requiring, within)
        if self.after:
            self.after()
        return job


def gold(bench):
    """Let plans decide, and return a user of an application on the best of them."""
    bench.allowance = Quotas(bench.settings)
    return Owner(create_key(bench.database, "gold", "app", "enterprise").application_id, "alice")
