"""The workers: what each is at, and when it was last heard of."""

from collections import Counter

from appliance.admin.schema import Snapshot, Worker
from tui import format as fmt
from tui.glyphs import Glyphs, Look, unknown_state
from tui.versions import NOT_TOLD, untold
from tui.widgets.rows import Cell, Column, Row

LOOKS = {
    "stale": Look("warn", "stale", "warn"),
    "draining": Look("ending", "draining", "note"),
    "drained": Look("held", "drained", "note"),
    "busy": Look("ok", "busy", "good"),
    "idle": Look("idle", "idle", "quiet"),
}
"""In the order that the table sorts them in: what needs a look first."""
_RANKS = {state: rank for rank, state in enumerate(LOOKS)}
COLUMNS = (
    Column("WORKER", 20),
    Column("STATE", 10),
    Column("ROLE", 8, spare=1),
    Column("BATCH", 18),
    Column("FOR", 6, right=True, descending=True),
    Column("BEAT", 6, right=True, descending=True),
    Column("SLOTS", 5, right=True, spare=2),
    Column("UP", 7, right=True, spare=3),
    Column("HOST", 14, spare=4),
    Column("HEARS", 18, spare=5),
    Column("SPEAKS", 18, spare=6),
)
SORTED_BY = 1


def empty(snapshot: Snapshot) -> str:
    """Return what a table without a worker says."""
    return NOT_TOLD if untold(snapshot, "workers") else "No workers."


def worker_look(worker: Worker) -> Look:
    """Return how a worker's state looks."""
    return LOOKS.get(worker.state) or unknown_state(worker.state)


def worker_row(worker: Worker, glyphs: Glyphs) -> Row:
    """Return a worker as a row; of several batches the oldest is told."""
    look, stale = worker_look(worker), worker.state == "stale"
    oldest = max(worker.batches, key=lambda batch: batch.age_s, default=None)
    items = sum(batch.items for batch in worker.batches)
    batch = f"{oldest.key} x{items}" if oldest else None
    return Row(
        worker.id,
        (
            Cell(worker.id, worker.id),
            Cell(look.text(glyphs), _RANKS.get(worker.state, -1), look.tone),
            Cell(worker.role or fmt.UNKNOWN, worker.role),
            Cell(batch or fmt.UNKNOWN, batch),
            Cell(fmt.age(oldest.age_s if oldest else None), oldest.age_s if oldest else None),
            Cell(fmt.age(worker.seen_ago_s), worker.seen_ago_s, look.tone if stale else "plain"),
            Cell(str(worker.slots), worker.slots),
            Cell(fmt.age(worker.up_s), worker.up_s),
            Cell(worker.host, worker.host),
            Cell(worker.transcriber or fmt.UNKNOWN, worker.transcriber, "quiet"),
            Cell(worker.synthesizer or fmt.UNKNOWN, worker.synthesizer, "quiet"),
        ),
    )


def worker_rows(snapshot: Snapshot, glyphs: Glyphs) -> list[Row]:
    """Return all workers as rows."""
    return [worker_row(worker, glyphs) for worker in snapshot.workers]


def census(snapshot: Snapshot) -> str:
    """Return how many workers are in which state: `5: 2 busy, 1 idle, 1 stale`."""
    if untold(snapshot, "workers"):
        return fmt.UNKNOWN
    counts = Counter(worker_look(worker).word for worker in snapshot.workers)
    told = ", ".join(f"{count} {word}" for word, count in counts.most_common())
    more = f", {snapshot.workers_left_out} not told" if snapshot.workers_left_out else ""
    return f"{len(snapshot.workers) + snapshot.workers_left_out}: {told}{more}" if told else "none"
