"""Statistics of an owner or of a whole application, each figure computed from rows; None where none can be."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from appliance.jobs.events import EventKind
from appliance.jobs.states import OPEN_JOB, OPEN_TARGET, SPOKEN_TARGET, TargetState
from appliance.learning.spread import Spread, spreads
from appliance.storage.database import Database
from appliance.storage.tables import events, jobs, targets

_SPOKEN = [state.value for state in SPOKEN_TARGET]
_PAIR = (events.c.source_language, events.c.language)


class Whose(msgspec.Struct, frozen=True, kw_only=True):
    """Whose statistics, and since when; without a user, the whole application's."""

    application_id: str
    user_id: str | None = None
    since_s: float = 0.0


class Measures(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured on results that have audio, kept answers included."""

    spoken: int
    cache_hit_rate: float | None
    latency_s: Spread | None
    """From acceptance to the end; a kept answer ends in the transaction that accepts it."""
    computed_latency_s: Spread | None
    """The same without kept answers."""
    wer: float | None
    similarity: float | None
    ratings: int
    rating: float | None


class PairMeasures(Measures, frozen=True, kw_only=True):
    """The same for one pair of languages."""

    source: str
    target: str


class Statistics(Measures, frozen=True, kw_only=True):
    """Everything about the scope: how many jobs, how each language ended or stands, and what was measured."""

    jobs: int
    targets: dict[TargetState, int]
    eta_error_s: Spread | None
    """How much later than expected at acceptance jobs ended; negative where earlier."""
    pairs: list[PairMeasures]


class _Sums(msgspec.Struct, kw_only=True):
    """What adds up over groups of rows."""

    spoken: int = 0
    cached: int = 0
    wer: float = 0.0
    wers: int = 0
    similarity: float = 0.0
    similarities: int = 0
    rating: int = 0
    ratings: int = 0

    def add(self, row: Any) -> None:
        """Add a row that has columns of these names."""
        for name, so_far in msgspec.structs.asdict(self).items():
            setattr(self, name, so_far + (getattr(row, name, None) or 0))


def statistics(database: Database, whose: Whose) -> Statistics:
    """Return the statistics of what happened since a time; jobs and texts that are gone count as long as events do."""
    with database.read() as connection:
        ended = _ended(connection, whose)
        sums = _sums(connection, whose)
        total, pairs = _Sums(), {pair: sums[pair] for pair in sorted(pair for pair in sums if pair[0])}
        for each in sums.values():
            total.add(each)
        spread, spread_of = _latencies(connection, whose, ()), _latencies(connection, whose, _PAIR)
        return Statistics(
            jobs=_jobs(connection, whose),
            eta_error_s=_eta_error(connection, whose),
            targets={state: ended.get(state, 0) for state in TargetState},
            pairs=[
                PairMeasures(source=pair[0], target=pair[1], **_measures(pairs[pair], spread_of, pair))
                for pair in pairs
            ],
            **_measures(total, spread, ()),
        )


def _measures(sums: _Sums, spread: Sequence[dict[tuple, Spread]], key: tuple) -> dict[str, Any]:
    every, computed = spread
    return {
        "spoken": sums.spoken,
        "cache_hit_rate": _mean(sums.cached, sums.spoken),
        "latency_s": every.get(key),
        "computed_latency_s": computed.get(key),
        "wer": _mean(sums.wer, sums.wers),
        "similarity": _mean(sums.similarity, sums.similarities),
        "ratings": sums.ratings,
        "rating": _mean(sums.rating, sums.ratings),
    }


def _mean(total: float, count: int) -> float | None:
    return total / count if count else None


def _happened(whose: Whose, kind: EventKind) -> sa.ColumnElement[bool]:
    of_user = events.c.user_id == whose.user_id if whose.user_id is not None else sa.true()
    return sa.and_(
        events.c.application_id == whose.application_id,
        of_user,
        events.c.at_s >= whose.since_s,
        events.c.kind == kind,
    )


def _sums(connection: sa.Connection, whose: Whose) -> dict[tuple[str | None, str], _Sums]:
    """Return the sums per pair of languages; the first of a pair is None where the recording's is unknown."""
    spoken = sa.select(
        *_PAIR,
        sa.func.count().label("spoken"),
        sa.func.sum(sa.case((events.c.cached, 1), else_=0)).label("cached"),
        sa.func.sum(events.c.wer).label("wer"),
        sa.func.count(events.c.wer).label("wers"),
        sa.func.sum(events.c.similarity).label("similarity"),
        sa.func.count(events.c.similarity).label("similarities"),
    ).where(_happened(whose, EventKind.RECEIPT), events.c.state.in_(_SPOKEN))
    rated = sa.select(
        *_PAIR, sa.func.sum(events.c.rating).label("rating"), sa.func.count(events.c.rating).label("ratings")
    ).where(_happened(whose, EventKind.FEEDBACK), events.c.rating_counts)
    found: dict[tuple[str | None, str], _Sums] = {}
    for query in (spoken, rated):
        for row in connection.execute(query.group_by(*_PAIR)):
            found.setdefault((row.source_language, row.language), _Sums()).add(row)
    return found


def _latencies(
    connection: sa.Connection, whose: Whose, by: Sequence[sa.ColumnElement]
) -> tuple[dict[tuple, Spread], dict[tuple, Spread]]:
    """Return the spread of the latencies of all results with audio, and of those that were computed."""
    spoken = sa.and_(_happened(whose, EventKind.RECEIPT), events.c.state.in_(_SPOKEN))
    computed = sa.and_(spoken, sa.not_(events.c.cached))
    return spreads(connection, events.c.latency_s, spoken, by), spreads(connection, events.c.latency_s, computed, by)


def _eta_error(connection: sa.Connection, whose: Whose) -> Spread | None:
    return spreads(connection, events.c.eta_error_s, _happened(whose, EventKind.RECEIPT)).get(())


def _ended(connection: sa.Connection, whose: Whose) -> dict[TargetState, int]:
    """Return how many languages ended in each state, and how many of the scope's open jobs stand in each."""
    ended = sa.select(events.c.state, sa.func.count()).where(_happened(whose, EventKind.RECEIPT))
    still_open = (
        sa.select(targets.c.state, sa.func.count())
        .join(jobs, jobs.c.id == targets.c.job_id)
        .where(_open_jobs(whose), targets.c.state.in_(OPEN_TARGET))
    )
    rows: Iterable[Any] = (
        *connection.execute(ended.group_by(events.c.state)),
        *connection.execute(still_open.group_by(targets.c.state)),
    )
    return {TargetState(state): count for state, count in rows}


def _jobs(connection: sa.Connection, whose: Whose) -> int:
    """Return how many jobs there were: those of which a language ended, and those that are open."""
    ended = sa.select(events.c.job_id.label("id")).where(_happened(whose, EventKind.RECEIPT))
    every = ended.union(sa.select(jobs.c.id).where(_open_jobs(whose))).subquery()
    return connection.scalar(sa.select(sa.func.count()).select_from(every)) or 0


def _open_jobs(whose: Whose) -> sa.ColumnElement[bool]:
    of_user = jobs.c.user_id == whose.user_id if whose.user_id is not None else sa.true()
    return sa.and_(jobs.c.application_id == whose.application_id, of_user, jobs.c.state.in_(OPEN_JOB))
