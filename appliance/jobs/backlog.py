"""All work that is accepted and not done, by the second of its deadline: three aggregate queries over indexed states.

Only what has to be computed counts. What a language still needs follows from its state, at the measured rates; that a
reading will have to be spoken again is not foreseen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from appliance.jobs.fleet import Work
from appliance.jobs.items import JOB_FAMILIES as FAMILIES
from appliance.jobs.items import MEDIUM_S, SHORT_S, Length
from appliance.jobs.lanes import load_pauses
from appliance.jobs.rates import Rates
from appliance.jobs.states import OPEN_JOB, OPEN_TARGET, ItemState, Stage, TargetState
from appliance.storage.tables import jobs, targets, work_items

LANGUAGE = ("translate", "synthesize", "hear", "finish")
"""What one language needs, in order; hearing is its verification."""
HEARD = ("hear",)
"""What a recording needs before its languages."""
_STILL = {
    TargetState.WAITING: LANGUAGE,
    TargetState.TRANSLATING: LANGUAGE,
    TargetState.SPEAKING: LANGUAGE[1:],
    TargetState.VERIFYING: LANGUAGE[2:],
    TargetState.FINISHING: LANGUAGE[3:],
}
_FAMILY = {
    Stage.TRANSCRIBE: "hear",
    Stage.VERIFY: "hear",
    Stage.TRANSLATE: "translate",
    Stage.SYNTHESIZE: "synthesize",
    Stage.FINISH: "finish",
}
_NOTHING = frozenset[str]()


@dataclass
class Waiting:
    """Open jobs of one priority."""

    jobs: int = 0
    audio_s: float = 0.0


@dataclass
class Backlog:
    """What waits; `due` and `running` are work by the whole second of its deadline, empty while rates are unknown."""

    waiting: dict[int, Waiting] = field(default_factory=dict)
    due: dict[int, Work] = field(default_factory=dict)
    running: dict[int, Work] = field(default_factory=dict)
    """The part of it that is in workers' hands now: it goes on whatever comes."""
    paused: Mapping[int, frozenset[str]] = field(default_factory=dict)
    """The families of which an operator lets nobody take work, by priority. What stands behind them is no work yet."""

    def stops(self, priority: int) -> bool:
        """Return whether jobs of a priority come to a halt: each needs every family."""
        return bool(self.paused.get(priority))

    def jobs_beside(self, priority: int) -> int:
        """Return how many open jobs a new one stands among.

        Jobs that come to a halt stand by themselves: however long a pause lasts, it does not shut others out.
        """
        stops = self.stops(priority)
        return sum(each.jobs for other, each in self.waiting.items() if self.stops(other) == stops)

    def add_job(self, priority: int, audio_s: float, deadline_s: float, work: Work | None) -> None:
        """Count a job that was accepted since this was read; its work is None while rates are unknown."""
        waiting = self.waiting.setdefault(priority, Waiting())
        waiting.jobs += 1
        waiting.audio_s += audio_s
        if work is not None:
            _add(self.due, int(deadline_s), work)

    def remove_job(self, priority: int, audio_s: float, deadline_s: float, work: Work) -> None:
        """Take back what `add_job` counted."""
        waiting = self.waiting[priority]
        waiting.jobs -= 1
        waiting.audio_s -= audio_s
        _add(self.due, int(deadline_s), [-part for part in work])


def no_work() -> Work:
    """Return nothing to do."""
    return [0.0] * len(FAMILIES)


def work_for(rates: Rates, families: Sequence[str], length: Length, audio_s: float) -> Work:
    """Return what these families have to do for so many seconds of recordings of that length."""
    work = no_work()
    for family in families:
        work[FAMILIES.index(family)] += rates.cost(family, length) * audio_s
    return work


def load_backlog(connection: sa.Connection, rates: Rates) -> Backlog:
    """Return everything that waits as this transaction sees it."""
    backlog = Backlog(paused=_paused(connection))
    of_priority = (
        sa.select(jobs.c.priority, sa.func.count().label("jobs"), sa.func.sum(jobs.c.audio_s).label("audio_s"))
        .where(jobs.c.state.in_(OPEN_JOB))
        .group_by(jobs.c.priority)
    )
    for row in connection.execute(of_priority):
        backlog.waiting[row.priority] = Waiting(row.jobs, row.audio_s)
    if rates.known:
        _load_languages(connection, rates, backlog)
        _load_items(connection, rates, backlog)
    return backlog


def _paused(connection: sa.Connection) -> dict[int, frozenset[str]]:
    found: dict[int, frozenset[str]] = {}
    for family, priority in load_pauses(connection):
        if family in FAMILIES:
            found[priority] = found.get(priority, _NOTHING) | {family}
    return found


def _load_languages(connection: sa.Connection, rates: Rates, backlog: Backlog) -> None:
    second, length = _second(connection, jobs.c.deadline_s), _length()
    # Apart by priority only where that matters: every group is a row for each upload's outlook.
    columns = [second, length, targets.c.state, *([jobs.c.priority] if backlog.paused else ())]
    query = (
        sa.select(*columns, sa.func.sum(jobs.c.audio_s).label("audio_s"))
        .join(jobs, jobs.c.id == targets.c.job_id)
        .where(jobs.c.state.in_(OPEN_JOB), targets.c.state.in_(OPEN_TARGET), targets.c.follows_id.is_(None))
        .group_by(*columns)
    )
    for row in connection.execute(query):
        state = TargetState(row.state)
        paused = backlog.paused.get(row.priority, _NOTHING) if backlog.paused else _NOTHING
        _add(backlog.due, int(row.second), work_for(rates, _until_paused(state, paused), row.length, row.audio_s))


def _until_paused(state: TargetState, paused: frozenset[str]) -> Sequence[str]:
    """Return what a language still needs, up to the first family that nobody may take work of."""
    still = _STILL[state]
    if not paused:
        return still
    if state == TargetState.WAITING and not paused.isdisjoint(HEARD):
        return ()
    halt = next((place for place, family in enumerate(still) if family in paused), len(still))
    return still[:halt]


def _load_items(connection: sa.Connection, rates: Rates, backlog: Backlog) -> None:
    """Add transcriptions, which belong to no language, and note what is in hand."""
    second, length = _second(connection, work_items.c.deadline_s), _length()
    claimed = work_items.c.state == ItemState.CLAIMED
    unheard = sa.and_(work_items.c.stage == Stage.TRANSCRIBE, work_items.c.target_id.is_(None))
    if halted := [priority for priority, families in backlog.paused.items() if _FAMILY[Stage.TRANSCRIBE] in families]:
        # Told apart in the question: as a column, priority would make up to three rows of each, for every look.
        unheard = sa.and_(unheard, sa.or_(claimed, work_items.c.priority.not_in(halted)))
    columns = (second, length, work_items.c.stage, work_items.c.state, unheard.label("unheard"))
    query = (
        sa.select(*columns, sa.func.sum(jobs.c.audio_s).label("audio_s"))
        .join(jobs, jobs.c.id == work_items.c.job_id)
        .where(
            work_items.c.state.in_([ItemState.READY, ItemState.CLAIMED]),
            sa.or_(claimed, unheard),
        )
        .group_by(*columns)
    )
    for row in connection.execute(query):
        work = work_for(rates, (_FAMILY[Stage(row.stage)],), row.length, row.audio_s)
        if row.unheard:
            _add(backlog.due, int(row.second), work)
        if row.state == ItemState.CLAIMED:
            _add(backlog.running, int(row.second), work)


def _second(connection: sa.Connection, deadline_s: sa.ColumnElement[float]) -> sa.Label:
    # SQLite has no floor() in every build, and its cast cuts; PostgreSQL's cast rounds.
    cut = sa.cast(deadline_s, sa.BigInteger) if connection.dialect.name == "sqlite" else sa.func.floor(deadline_s)
    return cut.label("second")


def _length() -> sa.Label:
    short, medium = jobs.c.audio_s < SHORT_S, jobs.c.audio_s <= MEDIUM_S
    # Literals in the text: bound twice, PostgreSQL would not see that the group is the column.
    return sa.case(
        (short, sa.literal_column("'short'")), (medium, sa.literal_column("'medium'")),
        else_=sa.literal_column("'long'"),
    ).label("length")  # fmt: skip


def _add(to: dict[int, Work], second: int, work: Work) -> None:
    so_far = to.get(second)
    to[second] = work if so_far is None else [a + b for a, b in zip(so_far, work, strict=True)]
