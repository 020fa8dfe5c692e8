"""Who may still be accepted: the gate before a body is read, and the one where a job's length and deadline are known.

A recording that says how long it is is judged before it is decoded, and has a place from then on: what comes while it
is decoded finds that place taken, so that nobody is refused after that work. Measured at five times the load that fits,
with one API process: without places one refusal in nine came after it, 0.1 s later than the others.

Both judge by an outlook that is at most half a second old, to which each process adds what it accepted itself.
Several API processes do not see each other's jobs for that long: together they may accept, beyond what fits, what all
but one of them accept in half a second.
"""

import threading

import msgspec
import sqlalchemy as sa

from appliance.errors import Overloaded
from appliance.jobs.backlog import Backlog, load_backlog
from appliance.jobs.deadlines import DEADLINE_PER_AUDIO_S, sla_scale
from appliance.jobs.documents import JobDocument
from appliance.jobs.fleet import load_fleet
from appliance.jobs.outlook import AT_LEAST_S, SHARES, Asked, Outlook, Verdict
from appliance.jobs.places import Places
from appliance.jobs.query import is_repeated
from appliance.jobs.rates import load_rates
from appliance.jobs.states import FINAL_TARGET, OPEN_JOB
from appliance.jobs.terms import Terms
from appliance.settings import Settings
from appliance.storage.database import Database
from appliance.storage.tables import jobs

LOOK_EVERY_S = 0.5
NOTHING_KNOWN_S = 5.0
"""When to come back to a full appliance whose speed was never measured."""
LEAST_BYTES_PER_S = 500
"""No voice codec makes less of a second of speech: 4 kbit/s."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Where an open job stands."""

    queue_position: int
    """1 is next: open jobs with an earlier deadline, and this one."""
    eta_s: float | None
    """Seconds from now to its end, None where nothing was measured yet."""


class Admission:
    """One process's view of what the appliance can still take."""

    def __init__(self, database: Database, settings: Settings) -> None:
        """Look at this database."""
        self._database = database
        self._settings = settings
        self._lock = threading.Lock()
        self._outlook: Outlook | None = None
        self._places = Places()

    def look(self, connection: sa.Connection, now_s: float) -> Outlook:
        """Return an outlook that is no older than half a second."""
        with self._lock:
            if self._outlook is None or not 0 <= now_s - self._outlook.taken_s < LOOK_EVERY_S:
                rates = load_rates(connection)
                self._outlook = Outlook(
                    now_s, rates, load_fleet(connection, now_s), load_backlog(connection, rates),
                    sla_scale(connection, self._settings),
                )  # fmt: skip
                self._places.take(self._outlook.backlog, now_s)
            return self._outlook

    def halts(self, priority: int) -> bool:
        """Return whether a pause halts jobs of a priority, as it was when this process looked last."""
        outlook = self._outlook
        return outlook is not None and outlook.backlog.stops(priority)

    def require_room(
        self,
        connection: sa.Connection,
        application_id: str,
        idempotency_key: str | None,
        now_s: float,
        priority: int = 0,
    ) -> None:
        """Raise Overloaded where more jobs are open than the site allows, those that a pause halts apart from others.

        A repeated idempotency key passes.
        """
        outlook = self.look(connection, now_s)
        waiting, most = outlook.backlog.jobs_beside(priority), self._settings.most_waiting_jobs
        if not most or waiting < most or is_repeated(connection, application_id, idempotency_key):
            return
        retry_after_s, eta_s = NOTHING_KNOWN_S, None
        if outlook.foresees(priority):
            eta_s = outlook.all_s()
            retry_after_s = max(AT_LEAST_S, eta_s * (waiting - most + 1) / waiting)
        raise Overloaded(
            f"{waiting} jobs are waiting.", retry_after_s=retry_after_s, eta_s=_rounded(eta_s), priority=priority
        )

    def require_hope(self, connection: sa.Connection, terms: Terms, size_bytes: int, now_s: float) -> None:
        """Raise Overloaded for an upload that would be refused however long the recording in it is."""
        outlook = self.look(connection, now_s).of(terms.plan)
        if not outlook.refuses(terms.priority):
            return
        longest_s = min(self._settings.max_audio_s, size_bytes / LEAST_BYTES_PER_S)
        # At its best it has the deadline of the shortest recording before it, and the time of the longest.
        queue_s = outlook.queue_s(now_s + terms.sla_s * outlook.scale, now_s)
        room_s = _share(terms.priority) * (terms.sla_s + DEADLINE_PER_AUDIO_S * longest_s) * outlook.scale
        if queue_s > room_s:
            raise _refusal(queue_s, queue_s - room_s, terms.priority)

    def require_place(self, connection: sa.Connection, asked: Asked, now_s: float, upload: str | None) -> None:
        """Keep a place for an upload until it is admitted or `leave` is called; or raise Overloaded.

        `upload` names it in this process; nothing is kept for None. A place that nobody leaves is free again after half
        a minute.
        """
        outlook = self.look(connection, now_s).of(asked.plan)
        if outlook.refuses(asked.priority):
            with self._lock:
                _accepted(outlook.judge(asked, now_s), asked)
                if upload is not None:
                    self._places.add(upload, asked, outlook.own(asked), now_s, self._backlog(outlook))

    def leave(self, upload: str) -> None:
        """Free the place of an upload, where it has one."""
        with self._lock:
            if self._outlook is not None:
                self._places.free(upload, self._outlook.backlog)

    def admit(self, connection: sa.Connection, asked: Asked, now_s: float, upload: str | None = None) -> float | None:
        """Return in how many seconds a job will be done, None where that is unknown, and count it; or raise Overloaded.

        Called in the transaction that accepts it. Nothing to compute passes always, and so does an upload that has a
        place and asks for no more than it was kept for. One that a pause halts passes too: when it will be done is in
        an operator's hands.
        """
        outlook = self.look(connection, now_s).of(asked.plan)
        eta_s, work = None, None
        with self._lock:
            backlog = self._backlog(outlook)
            kept_for = self._places.free(upload, backlog) if upload else None
            if outlook.foresees(asked.priority):
                verdict = outlook.judge(asked, now_s)
                if outlook.refuses(asked.priority) and not (kept_for and asked.within(kept_for)):
                    _accepted(verdict, asked)
                eta_s, work = verdict.eta_s, outlook.own(asked)
            backlog.add_job(asked.priority, asked.audio_s, now_s + asked.budget_s, work)
        return eta_s

    def _backlog(self, outlook: Outlook) -> Backlog:
        """Return the newest backlog: another thread may have looked anew since this outlook was taken."""
        return (self._outlook or outlook).backlog

    def standing(self, job: JobDocument) -> Standing:
        """Return where an open job stands."""
        with self._database.read() as connection:
            now_s = self._database.now_s(connection)
            outlook = self.look(connection, now_s).of(job.plan)
            earlier = connection.scalar(
                sa.select(sa.func.count())
                .select_from(jobs)
                .where(jobs.c.state.in_(OPEN_JOB), jobs.c.deadline_s < job.deadline_s)
            )
        eta_s = None
        if outlook.foresees(job.priority):
            eta_s = outlook.remaining_s(job.deadline_s, outlook.path_s(_still_asked(job)), now_s)
        return Standing(queue_position=(earlier or 0) + 1, eta_s=_rounded(eta_s))


def _still_asked(job: JobDocument) -> Asked:
    """Return what is left of a job, as far as whole stages tell: at least its last language from translation on."""
    return Asked(
        audio_s=job.audio.duration_s if job.audio else 0.0,
        budget_s=job.deadline_s - job.accepted_s,
        languages=sum(target.state not in FINAL_TARGET for target in job.targets),
        heard=job.source is not None,
        priority=job.priority,
        plan=job.plan,
    )


def _share(priority: int) -> float:
    return SHARES[min(priority, len(SHARES) - 1)]


def _accepted(verdict: Verdict, asked: Asked) -> None:
    if verdict.retry_after_s is not None:
        raise _refusal(verdict.eta_s, verdict.retry_after_s, asked.priority)


def _refusal(eta_s: float, retry_after_s: float, priority: int) -> Overloaded:
    return Overloaded(
        f"The job would be done in {eta_s:.1f} s; its plan promises less, or others were promised that time.",
        retry_after_s=max(AT_LEAST_S, retry_after_s),
        eta_s=_rounded(eta_s),
        priority=priority,
    )


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
