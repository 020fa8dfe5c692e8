"""The workers as they are now."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import zip_longest

import sqlalchemy as sa

from appliance.admin.ages import age_s
from appliance.admin.live_types import STALE_S, Batch, Worker
from appliance.history.steps import HOUR_S
from appliance.jobs.reserved import VIEW_S
from appliance.jobs.states import ItemState
from appliance.storage.tables import jobs, work_items, workers
from appliance.storage.voice_tables import voice_samples

MOST_WORKERS, MOST_BATCHES = 64, 4
_ROLES: Mapping[frozenset[str], str] = {
    frozenset({"hear", "translate", "synthesize", "finish", "enrol"}): "all",
    frozenset({"hear", "translate", "finish", "enrol"}): "whisper",
    frozenset({"synthesize"}): "voice",
}
"""As `meeshy worker --role` has them; a test compares."""
# Made once, as every picture asks them.
_SEEN = (
    sa.select(
        workers.c.id, workers.c.host, workers.c.pid, workers.c.started_s, workers.c.seen_s, workers.c.proven_s,
        workers.c.families, workers.c.slots, workers.c.draining_s,
        workers.c.capabilities["transcriber"].as_string().label("transcriber"),
        workers.c.capabilities["synthesizer"].as_string().label("synthesizer"),
    )
    .where(workers.c.seen_s >= sa.bindparam("since_s", type_=sa.Double))
    .order_by(workers.c.host, workers.c.started_s, workers.c.id)
)  # fmt: skip
_IN_HAND = (
    sa.select(
        work_items.c.worker_id, work_items.c.batch_key, work_items.c.claimed_s, sa.func.count().label("items"),
        sa.func.sum(sa.func.coalesce(jobs.c.audio_s, voice_samples.c.duration_s)).label("audio_s"),
    )
    .join(jobs, jobs.c.id == work_items.c.job_id, isouter=True)
    .join(voice_samples, voice_samples.c.id == work_items.c.sample_id, isouter=True)
    .where(work_items.c.state == ItemState.CLAIMED)
    .group_by(work_items.c.worker_id, work_items.c.batch_key, work_items.c.claimed_s)
    .order_by(work_items.c.claimed_s)
)  # fmt: skip


def load_workers(connection: sa.Connection, now_s: float) -> tuple[tuple[Worker, ...], int]:
    """Return the workers of the last hour, those that are silent first, at most 64, and how many more there are."""
    rows = connection.execute(_SEEN, {"since_s": now_s - HOUR_S}).all()
    batches = _batches(connection, now_s)
    silent = [row for row in rows if row.seen_s < now_s - STALE_S]
    living = [row for row in rows if row.seen_s >= now_s - STALE_S]
    # Who is silent needs somebody's hand, so is not among what there is no room for; nor are all that live.
    # By turns, so that a picture that holds fewer has both kinds too.
    by_turns = [row for both in zip_longest(silent, living) for row in both if row is not None]
    told = by_turns[:MOST_WORKERS]
    return tuple(_worker(row, batches.get(row.id, ()), now_s) for row in told), len(rows) - len(told)


def worker_state(draining_s: float | None, busy: bool, seen_ago_s: float) -> str:
    """Return the state of a worker that has been draining for so many seconds, None for one that is not."""
    if seen_ago_s > STALE_S:
        return "stale"
    if draining_s is not None:
        # Until it has seen that itself, it may still take something.
        return "draining" if busy or draining_s < VIEW_S else "drained"
    return "busy" if busy else "idle"


def role_of(families: Sequence[str]) -> str:
    """Return the role that takes these families of work, or their names where none does."""
    return _ROLES.get(frozenset(families), "+".join(families))


def _worker(row: sa.Row, batches: Sequence[Batch], now_s: float) -> Worker:
    seen_ago_s = age_s(row.seen_s, now_s)
    return Worker(
        id=row.id,
        host=row.host.split(":")[0],
        pid=row.pid,
        state=worker_state(None if row.draining_s is None else now_s - row.draining_s, bool(batches), seen_ago_s),
        draining=row.draining_s is not None,
        role=role_of(row.families),
        stages=tuple(row.families),
        slots=row.slots,
        batches=tuple(batches[:MOST_BATCHES]),
        seen_ago_s=seen_ago_s,
        up_s=age_s(row.started_s, now_s),
        proven=row.proven_s is not None,
        transcriber=row.transcriber,
        synthesizer=row.synthesizer,
    )


def _batches(connection: sa.Connection, now_s: float) -> dict[str, list[Batch]]:
    """Return what each worker has in hand; what it claimed at one moment with one key is a batch."""
    rows = connection.execute(_IN_HAND)
    found: dict[str, list[Batch]] = defaultdict(list)
    for row in rows:
        found[row.worker_id].append(
            Batch(
                stage=row.batch_key.split(":")[0],
                key=row.batch_key,
                items=row.items,
                age_s=age_s(row.claimed_s or now_s, now_s),
                audio_s=None if row.audio_s is None else round(row.audio_s, 1),
            )
        )
    return found
