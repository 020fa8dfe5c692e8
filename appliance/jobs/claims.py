"""Taking work: the most urgent batch under a lease with a fence, and giving it back.

A claim counts an attempt. An item that was lost once is claimed alone afterwards, and while its process has no other
such item in hand, so that an input which kills its worker cannot use up the attempts of the items it was batched with,
or that another slot of its process had; and soon, because it had its turn already.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from appliance.jobs.items import ClaimedItem
from appliance.jobs.lanes import Paused, of_families
from appliance.jobs.locks import hold_names
from appliance.jobs.reserved import OwnSlot, View
from appliance.jobs.states import OPEN_ITEM, ItemState, Stage
from appliance.storage.database import Database
from appliance.storage.sets import among
from appliance.storage.tables import work_items
from appliance.telemetry.noting import note

OVERDUE_EVERY = 4
"""Every so many claims the earliest deadline wins even if it has passed: late work keeps a share of the workers, and no
more, so that a backlog of late P2 work does not make P0 work late."""
LOST_EVERY = 2
"""Every so many claims an item that was lost with a worker comes first, whatever waits: it is started again within two
batches of a worker. Not every claim: inputs that kill workers would use up all their starts."""

_READY = work_items.c.state == sa.literal_column(f"'{ItemState.READY}'")
"""As text: with a bound value, no index over the runnable items alone would be used."""
_READY_FIRST = sa.text("state = 'ready' AND priority = 0")
_READY_AGAIN = sa.text("state = 'ready' AND attempts > 0")
"""As text: with bound values, the index over the few lost items would not be used. That index begins with the state:
without it SQLite prefers the one over all runnable items (7.3 ms instead of 1.1 with 20,000 waiting)."""
_NONE_PAUSED: Paused = {}
_OTHERS = work_items.alias("others")
_HAS_MATES = (
    sa.select(_OTHERS.c.id)
    .where(
        _OTHERS.c.batch_key == work_items.c.batch_key,
        _OTHERS.c.state == sa.literal_column(f"'{ItemState.READY}'"),
        _OTHERS.c.attempts == 0,
        _OTHERS.c.id != work_items.c.id,
    )
    .exists()
    .label("has_mates")
)


class Claims:
    """One slot's way to work items."""

    def __init__(self, database: Database, worker_id: str, lease_s: float, slot: int = 0) -> None:
        """Claim for this slot of this worker with leases of this length in seconds."""
        self._database = database
        self._worker_id = worker_id
        self._lease_s = lease_s
        self._claims = 0
        self._own_slot = OwnSlot((worker_id, slot), lease_s)

    def claim(self, limits: Mapping[str, int]) -> list[ClaimedItem]:
        """Return the most urgent batch among these families, empty when nothing waits.

        `limits` gives the largest batch per family, the part of a batch key before the colon. Never waits for a batch
        to fill. What is past its deadline comes after what can still meet it, except in every fourth claim. In every
        second claim, what was lost with a worker comes before both. In a reserved slot all of it is work of the slot's
        plan. Nothing is of a paused lane, and a worker that drains gets nothing.
        """
        self._claims += 1
        with self._database.write() as connection:
            now_s = self._database.now_s(connection)
            view, looked = self._own_slot.view(connection, now_s)
            head = self._best(connection, limits, view, now_s)
            if head is None and not view.plain and not looked:
                # What kept it from work may be over: the ring that comes with that must not find nothing.
                view = self._own_slot.look(connection, now_s)
                head = self._best(connection, limits, view, now_s)
            if head is None:
                return []
            family = head.batch_key.split(":")[0]
            mates = self._mates(connection, head, limits[family], view, now_s)
            rows = connection.execute(
                sa.update(work_items)
                .where(among(connection, work_items.c.id, mates))
                .values(
                    state=ItemState.CLAIMED,
                    worker_id=self._worker_id,
                    fence=work_items.c.fence + 1,
                    attempts=work_items.c.attempts + 1,
                    claimed_s=now_s,
                    lease_until_s=now_s + self._lease_s,
                )
                .returning(work_items)
            ).mappings()
            items = []
            for row in rows:
                items.append(_claimed(row))
                family = row["batch_key"].split(":")[0]
                note(connection, "queue_wait_s", family, value=max(0.0, now_s - row["created_s"]))
        return sorted(items, key=lambda item: (item.deadline_s, item.id))

    @property
    def draining(self) -> bool:
        """Return whether this worker is to take nothing more, as far as its last claim knew."""
        return self._own_slot.draining

    def look(self) -> None:
        """See anew what this slot is kept for, so that the claim of what comes next need not."""
        with self._database.read() as connection:
            self._own_slot.look(connection, self._database.now_s(connection))

    def renew(self, items: Sequence[ClaimedItem]) -> None:
        """Extend the leases of those items that are still this worker's."""
        with self._database.write() as connection:
            held = _held(connection, items, wait=False)
            _update(connection, held, lease_until_s=self._database.now_s(connection) + self._lease_s)

    def release(self, items: Sequence[ClaimedItem]) -> None:
        """Make items runnable again at once, for this worker or another."""
        with self._database.write() as connection:
            held = _held(connection, items, wait=False)
            _update(connection, held, state=ItemState.READY, worker_id=None, lease_until_s=None)
            for _ in held:
                note(connection, "attempts_lost", "batch_failed")

    def forgive(self, item: ClaimedItem) -> None:
        """Take back the attempt of a claim that an outage ended, whether its lease has run out since or not.

        It is runnable again, for anybody. Of what somebody has claimed again meanwhile, the attempt alone is taken
        back: it is theirs. Safe to repeat by who got no answer. One item at a time: whoever holds several in their
        order waits for it, and it for them.
        """
        mine = (work_items.c.id == item.id, work_items.c.state.in_(OPEN_ITEM))
        with self._database.write() as connection:
            fence_and_attempts = sa.select(work_items.c.fence, work_items.c.attempts).where(*mine).with_for_update()
            row = connection.execute(fence_and_attempts).first()
            # Each claim since then has added one to both; where that is not so, it was forgiven.
            if row is None or row.attempts - item.attempts != row.fence - item.fence:
                return
            back: dict[str, Any] = {"attempts": row.attempts - 1}
            if row.fence == item.fence:
                back |= {"state": ItemState.READY, "fence": row.fence + 1, "worker_id": None, "lease_until_s": None}
                note(connection, "attempts_lost", "storage_away")
            connection.execute(sa.update(work_items).where(work_items.c.id == item.id).values(**back))

    def _tries_a_lost_one(self, connection: sa.Connection) -> bool:
        """Return whether a slot of this process has an item in hand that was lost before."""
        # Until this claim is committed no other slot asks: two would see neither's.
        hold_names(connection, [f"lost:{self._worker_id}"])
        lost = sa.select(work_items.c.id).where(
            work_items.c.state == ItemState.CLAIMED,
            work_items.c.worker_id == self._worker_id,
            work_items.c.attempts > 1,
        )
        return connection.scalar(lost.limit(1)) is not None

    def _best(self, connection: sa.Connection, limits: Mapping[str, int], view: View, now_s: float) -> sa.Row | None:
        """Return the item that this slot shall begin with, None where there is nothing for it."""
        if view.draining:
            return None
        head = self._head(connection, limits, view, now_s)
        if head is not None and head.attempts > 0 and self._tries_a_lost_one(connection):
            return self._head(connection, limits, view, now_s, new=True)
        return head

    def _head(
        self, connection: sa.Connection, limits: Mapping[str, int], view: View, now_s: float, *, new: bool = False
    ) -> sa.Row | None:
        """Return the most urgent item that this slot may take, `new` ones that were never lost alone; None for none."""
        of_plan: dict[str | None, list[str]] = {}
        for family in limits:
            of_plan.setdefault(view.kept.get(family), []).append(family)
        waiting = [_waiting(families, plan, view.paused) for plan, families in of_plan.items()]
        if new:
            waiting = [query.where(work_items.c.attempts == 0) for query in waiting]
        in_time = [query.where(work_items.c.deadline_s >= now_s) for query in waiting]
        # Questions of their own and not one sorted by lateness: each is the first entry of an index, however long the
        # queue is.
        order = [waiting] if self._claims % OVERDUE_EVERY == 0 else [in_time, waiting]
        if self._claims % LOST_EVERY == 0:
            order.insert(0, [query.where(_READY_AGAIN) for query in waiting])
        return next((row for queries in order if (row := _earliest(connection, queries))), None)

    def _mates(
        self, connection: sa.Connection, head: sa.Row, limit: int, view: View, now_s: float
    ) -> list[str]:  # fmt: skip
        """Return the head's id with those of the items that can run with it: priority 0, others in time, late ones."""
        if head.attempts > 0 or limit <= 1 or not head.has_mates:
            return [head.id]
        family = head.batch_key.split(":")[0]
        plan = view.kept.get(family)
        # Statements of their own: as a subquery of the update, PostgreSQL may run one again and lock too much.
        alike = (
            sa.select(work_items.c.id)
            .where(
                work_items.c.state == ItemState.READY,
                work_items.c.batch_key == head.batch_key,
                work_items.c.attempts == 0,
                work_items.c.plan == plan if plan is not None else sa.true(),
                of_families([family], view.paused) if family in view.paused else sa.true(),
            )
            .order_by(work_items.c.deadline_s, work_items.c.id)
            .with_for_update(skip_locked=True)
        )
        in_time = work_items.c.deadline_s >= now_s
        # With the next batch, P0 would wait for all of this one. By deadline alone, short notes of P1 that have waited
        # take its seats: at five times the load that can be done, P0's p95 was twice as high. To let P0 pass the head
        # too made accepted P1 notes late (1.3 of their time).
        turns = [sa.and_(_READY_FIRST, in_time), in_time, sa.not_(in_time)]
        chosen = [head.id]
        for turn in turns:
            if len(chosen) < limit:
                more = alike.where(turn, work_items.c.id.not_in(chosen)).limit(limit - len(chosen))
                chosen += connection.scalars(more)
        return chosen


def _waiting(families: Sequence[str], plan: str | None, paused: Paused = _NONE_PAUSED) -> sa.Select:
    """Return the query for the most urgent item of these families, of one plan where one is given."""
    return (
        sa.select(
            work_items.c.id,
            work_items.c.batch_key,
            work_items.c.attempts,
            work_items.c.deadline_s,
            # Asked here: for the one item that reaches an idle worker, three statements less.
            _HAS_MATES,
        )
        .where(
            _READY,
            work_items.c.plan == plan if plan is not None else sa.true(),
            of_families(families, paused),
        )
        .order_by(work_items.c.deadline_s, work_items.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )


def _earliest(connection: sa.Connection, queries: Sequence[sa.Select]) -> sa.Row | None:
    rows = [row for query in queries if (row := connection.execute(query).first())]
    return min(rows, key=lambda row: (row.deadline_s, row.id), default=None)


def end_items(connection: sa.Connection, items: Sequence[ClaimedItem], state: ItemState) -> set[str]:
    """End items in the transaction that writes their outcomes and holds their jobs; return the ids of those it ended.

    Of the others the lease was lost: somebody else may have them, and nothing may be written for them.
    """
    held = _held(connection, items)
    _update(connection, held, state=state, lease_until_s=None)
    if len(held) < len(items):
        note(connection, "stale_fences", value=len(items) - len(held))
    return held


def _held(connection: sa.Connection, items: Sequence[ClaimedItem], *, wait: bool = True) -> set[str]:
    """Lock the rows of items whose lease was not lost and return their ids.

    Who holds no jobs does not wait: the transaction that has such a row is ending the item.
    """
    if not items:
        return set()
    rows = connection.execute(
        sa.select(work_items.c.id, work_items.c.fence)
        .where(among(connection, work_items.c.id, [item.id for item in items]), work_items.c.state == ItemState.CLAIMED)
        .order_by(work_items.c.id)
        .with_for_update(skip_locked=not wait)
    )
    fences = {row.id: row.fence for row in rows}
    return {item.id for item in items if fences.get(item.id) == item.fence}


def _update(connection: sa.Connection, item_ids: Collection[str], **columns: Any) -> None:
    if item_ids:
        connection.execute(sa.update(work_items).where(among(connection, work_items.c.id, item_ids)).values(**columns))


def _claimed(row: sa.RowMapping) -> ClaimedItem:
    return ClaimedItem(
        id=row["id"],
        job_id=row["job_id"] or "",
        sample_id=row["sample_id"],
        target_id=row["target_id"],
        stage=Stage(row["stage"]),
        batch_key=row["batch_key"],
        fence=row["fence"],
        attempts=row["attempts"],
        deadline_s=row["deadline_s"],
        payload=row["payload"],
    )
