"""Writing the history: one process at a time takes up what all of them counted, and looks at queue and workers.

A round adds to the steps of every length at once, so there is nothing to roll up later and nothing to lose between.
"""

from collections import defaultdict

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from appliance.gpus.records import last_readings
from appliance.history.bounds import MOST_DEVICES, add_bounded
from appliance.history.steps import KEPT_S, SHORTEST_S, start_of
from appliance.jobs.events import EventKind
from appliance.jobs.items import FAMILIES
from appliance.jobs.locks import got_name
from appliance.jobs.registry import SEEN_WITHIN_S
from appliance.jobs.states import SPOKEN_TARGET, ItemState, TargetState
from appliance.storage.admin_tables import history, tallies
from appliance.storage.site import set_site_value, site_value
from appliance.storage.tables import events, work_items, workers
from appliance.telemetry.slices import Slice, slice_from

CURSOR = "history.events_until_s"
SETTLED_S = 10.0
"""An event is counted so long after its time: its transaction has been committed by then, or is taken back."""
MOST_TALLIES, MOST_EVENTS = 5000, 5000
_DEPTHS = tuple(
    f"depth.{stage}p{priority}" for stage in ("", *(f"{each}." for each in FAMILIES)) for priority in range(3)
)
"""Looked at also where nothing waits: else a lane's mean would be of the looks that found something."""
_COUNTED = (EventKind.RECEIPT.value, EventKind.FEEDBACK.value)

Slices = dict[int, Slice]
"""By start of the shortest step."""


def write_history(connection: sa.Connection, now_s: float) -> int:
    """Take up what happened since the last round and return how many tallies and events that was; 0 if another does."""
    if not got_name(connection, "history"):
        return 0
    found: Slices = defaultdict(Slice)
    taken = _take_tallies(connection, found) + _take_events(connection, found, now_s)
    _look(connection, found[start_of(now_s, SHORTEST_S)], now_s)
    for step_s, kept_s in KEPT_S.items():
        _add(connection, step_s, found, now_s - kept_s)
        connection.execute(sa.delete(history).where(history.c.step_s == step_s, history.c.at_s < now_s - kept_s))
    return taken


def _take_tallies(connection: sa.Connection, found: Slices) -> int:
    oldest = sa.select(tallies.c.id).order_by(tallies.c.id).limit(MOST_TALLIES)
    rows = connection.execute(
        sa.delete(tallies).where(tallies.c.id.in_(oldest)).returning(tallies.c.at_s, tallies.c.document)
    ).all()
    for row in rows:
        found[start_of(row.at_s, SHORTEST_S)].add(slice_from(row.document))
    return len(rows)


def _take_events(connection: sa.Connection, found: Slices, now_s: float) -> int:
    """Count the ends of languages, and ratings, since the last round; what is older than any step is left."""
    until_s = now_s - SETTLED_S
    since_s = site_value(connection, CURSOR)
    since_s = until_s - SHORTEST_S if since_s is None else float(since_s)
    voice = events.c.detail["voice_kind"].as_string().label("voice")
    rows = connection.execute(
        sa.select(
            events.c.at_s, events.c.kind, events.c.state, events.c.cached, events.c.latency_s, events.c.wer,
            events.c.similarity, events.c.source_language, events.c.language, events.c.rating, voice,
        )
        .where(events.c.at_s >= since_s, events.c.at_s < until_s, events.c.kind.in_(_COUNTED))
        .order_by(events.c.at_s)
        .limit(MOST_EVENTS)
    ).all()  # fmt: skip
    if len(rows) == MOST_EVENTS:
        # The next round begins at the time of the last one, so those of that very moment wait for it together.
        until_s = rows[-1].at_s
        rows = [row for row in rows if row.at_s < until_s]
    for row in rows:
        count = _count_end if row.kind == EventKind.RECEIPT else _count_rating
        count(found[start_of(row.at_s, SHORTEST_S)], row)
    set_site_value(connection, CURSOR, until_s, now_s)
    return len(rows)


def _count_end(into: Slice, row: sa.Row) -> None:
    into.count(f"ended.{row.state}")
    pair = f".pair.{row.source_language}>{row.language}"
    if row.state == TargetState.FAILED and row.source_language:
        into.count(f"failed{pair}")
    if row.state not in SPOKEN_TARGET:
        return
    into.measure("latency", row.latency_s or 0.0)
    if row.cached:
        into.count("ended.cached")
        return
    if row.state == TargetState.NEEDS_REVIEW:
        into.count(f"needs_review{pair}")
    for name in ("", pair, f".voice.{row.voice}"):
        into.count(f"spoken{name}")
        for figure in ("wer", "similarity"):
            _add_to_mean(into, f"{figure}{name}", getattr(row, figure))


def _count_rating(into: Slice, row: sa.Row) -> None:
    if row.source_language:
        _add_to_mean(into, f"rating.pair.{row.source_language}>{row.language}", row.rating)


def _add_to_mean(into: Slice, name: str, value: float | None) -> None:
    if value is not None:
        into.count(f"{name}.sum", value)
        into.count(f"{name}.of")


def _look(connection: sa.Connection, into: Slice, now_s: float) -> None:
    """Look at queue, workers and GPUs once."""
    family = work_items.c.batch_key
    rows = connection.execute(
        sa.select(family, work_items.c.priority, sa.func.count().label("items"))
        .where(work_items.c.state == ItemState.READY)
        .group_by(family, work_items.c.priority)
    )
    depth: dict[str, int] = defaultdict(int, dict.fromkeys(_DEPTHS, 0))
    for row in rows:
        depth[f"depth.{row.batch_key.split(':')[0]}.p{row.priority}"] += row.items
        depth[f"depth.p{row.priority}"] += row.items
    for name, items in depth.items():
        into.look(name, items)
    living = connection.scalar(
        sa.select(sa.func.count()).select_from(workers).where(workers.c.seen_s >= now_s - SEEN_WITHIN_S)
    )
    into.look("workers", living or 0)
    fresh = [record for record in last_readings(connection, now_s) if record.fresh]
    for node, gpu in [(record.node, gpu) for record in fresh for gpu in record.reading.gpus][:MOST_DEVICES]:
        for figure in ("utilisation", "memory_used_bytes", "power_w"):
            value = getattr(gpu, figure)
            if value is not None:
                into.look(f"gpu.{node}.{gpu.index}{_instance(gpu.instance)}.{figure}", value)


def _instance(name: str | None) -> str:
    """Return the part of a series' name that is a MIG instance's, in letters that an address takes."""
    return f"-{name.replace('/', '-').replace('#', 'place')}" if name else ""


def _add(connection: sa.Connection, step_s: int, found: Slices, since_s: float) -> None:
    """Add slices to the steps of one length."""
    lasting = {at_s: each for at_s, each in found.items() if at_s >= since_s}
    steps = {start_of(at_s, step_s): Slice() for at_s in lasting}
    known = sa.select(history.c.at_s, history.c.document).where(
        history.c.step_s == step_s, history.c.at_s.in_(list(steps))
    )
    steps |= {row.at_s: slice_from(row.document) for row in connection.execute(known)}
    for at_s, each in sorted(lasting.items()):
        add_bounded(steps[start_of(at_s, step_s)], each)
    insert = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(history)
    put = insert.on_conflict_do_update(index_elements=["step_s", "at_s"], set_={"document": insert.excluded.document})
    rows = [
        {"step_s": step_s, "at_s": at_s, "document": msgspec.to_builtins(each, str_keys=True)}
        for at_s, each in steps.items()
    ]
    if rows:
        connection.execute(put, rows)
