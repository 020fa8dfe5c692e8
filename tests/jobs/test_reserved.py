"""Reserved slots: what a claim takes while a plan has some, on both databases."""

import threading

import pytest
import sqlalchemy as sa
from alembic import command

from appliance.access.keys import create_key, list_keys, revoke_key
from appliance.access.plans import change_plan
from appliance.access.quotas import Quotas
from appliance.errors import Overloaded
from appliance.jobs.claims import _READY_AGAIN, Claims, _waiting
from appliance.jobs.items import FAMILIES
from appliance.jobs.registry import WorkerRegistry
from appliance.jobs.reserved import VIEW_S, load_asked, reservations
from appliance.owner import Owner
from appliance.storage.migrate import alembic_config, migrate
from appliance.storage.tables import jobs, work_items
from tests.jobs.site import Site

LEASE_S = 10.0
LIMITS = dict.fromkeys(FAMILIES, 4)


class Shop:
    """Two applications, `gold` with the shipped reservation of a slot and `plain` without, and workers by name."""

    def __init__(self, bench) -> None:
        self.bench = bench
        bench.allowance = Quotas(bench.settings)
        self.owners = {
            plan: Owner(create_key(bench.database, plan, "app", plan).application_id, "alice")
            for plan in ("enterprise", "pro")
        }
        change_plan(bench.database, "pro", {"concurrent_jobs": "none"})
        self.sent = 0

    def submit(self, plan: str, count: int = 1) -> list[str]:
        return [self._submit(plan) for _ in range(count)]

    def _submit(self, plan: str) -> str:
        self.sent += 1
        self.bench.clock.advance(0.001)  # no two are due at the same moment
        return self.bench.submit(f"message {self.sent}", "fr", owner=self.owners[plan]).id

    def workers(self, *names: str, slots: int = 1) -> list[Claims]:
        for name in names:
            WorkerRegistry(self.bench.database, name).announce(self.bench._capabilities(), FAMILIES, slots)
        return [Claims(self.bench.database, name, LEASE_S, slot) for name in names for slot in range(slots)]

    def seen(self, name: str) -> None:
        WorkerRegistry(self.bench.database, name).seen()

    def kept(self) -> list[tuple[str, int, int]]:
        with self.bench.rows() as rows:
            found = reservations(rows, self.bench.clock.now_s() - LEASE_S)
        return [(each.plan, each.slots, each.kept) for each in found]


@pytest.fixture
def shop(bench):
    return Shop(bench)


def taken(claims: Claims, limits=LIMITS) -> list[str]:
    return [item.job_id for item in claims.claim(limits)]


def test_a_reserved_slot_waits_for_its_plan_while_others_work_waits(shop):
    first, last = shop.workers("a", "b")
    (plain,) = shop.submit("pro")
    assert taken(last) == []
    (gold,) = shop.submit("enterprise")
    assert taken(last) == [gold]
    assert taken(first) == [plain]


def test_the_other_slots_take_everybodys_work_by_deadline(shop):
    first, _ = shop.workers("a", "b")
    plain, gold = shop.submit("pro"), shop.submit("enterprise")
    assert taken(first, {"hear": 1}) == gold
    assert taken(first, {"hear": 1}) == plain


def test_a_batch_in_a_reserved_slot_holds_its_plans_work_alone(shop):
    _, last = shop.workers("a", "b")
    shop.submit("pro", 3)
    gold = shop.submit("enterprise", 2)
    assert sorted(taken(last)) == sorted(gold)
    assert taken(last) == []


def test_late_work_of_others_is_not_taken_either(shop):
    _, last = shop.workers("a", "b")
    shop.submit("pro")
    shop.bench.clock.advance(1000.0)
    for name in ("a", "b"):
        shop.seen(name)
    assert [taken(last) for _ in range(8)] == [[]] * 8


def test_one_worker_keeps_nothing_and_takes_everything(shop):
    (only,) = shop.workers("a")
    plain = shop.submit("pro")
    assert taken(only) == plain
    assert shop.kept() == [("enterprise", 1, 0)]


def test_a_slot_of_a_process_is_kept_and_not_the_whole_process(shop):
    slots = shop.workers("a", slots=3)
    plain = shop.submit("pro", 3)
    assert [taken(slot, {"hear": 1}) for slot in slots] == [[plain[0]], [plain[1]], []]
    assert shop.kept() == [("enterprise", 1, 1)]


def test_when_the_others_are_gone_for_a_lease_the_last_worker_takes_everything(shop):
    _, last = shop.workers("a", "b")
    plain = shop.submit("pro")
    assert taken(last) == []
    shop.bench.clock.advance(LEASE_S + 1)
    shop.seen("b")
    assert taken(last) == plain


def test_a_worker_found_dead_counts_no_longer(shop):
    _, last = shop.workers("a", "b")
    plain = shop.submit("pro")
    with shop.bench.database.write() as connection:
        connection.execute(sa.text("UPDATE workers SET pid = 1073741824 WHERE id = 'a'"))
    shop.bench.reconcile()
    shop.bench.clock.advance(VIEW_S)
    assert taken(last) == plain


def test_a_changed_plan_counts_seconds_later(shop):
    first, last = shop.workers("a", "b")
    plain = shop.submit("pro", 2)
    assert taken(last, {"hear": 1}) == []
    change_plan(shop.bench.database, "enterprise", {"reserved_slots": "0"})
    assert taken(last, {"hear": 1}) == []
    shop.bench.clock.advance(VIEW_S)
    assert taken(last, {"hear": 1}) == plain[:1]
    change_plan(shop.bench.database, "pro", {"reserved_slots": "7"})
    shop.bench.clock.advance(VIEW_S)
    shop.submit("enterprise")
    assert taken(last, {"hear": 1}) == plain[1:]
    assert taken(last, {"hear": 1}) == []
    assert shop.kept() == [("pro", 7, 1)]
    assert len(taken(first)) == 1


def test_a_slot_that_has_looked_around_need_not_look_in_its_next_claim(shop):
    _, last = shop.workers("a", "b")
    plain = shop.submit("pro", 2)
    assert taken(last, {"hear": 1}) == []
    change_plan(shop.bench.database, "enterprise", {"reserved_slots": "0"})
    last.look()
    assert taken(last, {"hear": 1}) == plain[:1]


def test_a_plan_without_a_valid_key_reserves_nothing(shop):
    with shop.bench.rows() as rows:
        assert load_asked(rows) == {"enterprise": 1}
    for key in list_keys(shop.bench.database):
        revoke_key(shop.bench.database, key.id)
    with shop.bench.rows() as rows:
        assert load_asked(rows) == {}


def test_the_work_of_a_job_is_reserved_through_all_stages(shop):
    shop.workers("a", "b")
    (gold,) = shop.submit("enterprise")
    worker = shop.bench.worker("b")
    assert worker.run_until_idle() == 5
    with shop.bench.rows() as rows:
        assert rows.scalar(sa.select(jobs.c.state).where(jobs.c.id == gold)) == "done"


def test_slots_of_many_threads_never_hold_more_of_others_than_is_theirs(shop):
    slots = shop.workers("a", "b", "c", "d")
    plain, gold = shop.submit("pro", 40), shop.submit("enterprise", 10)
    found: dict[int, list[str]] = {number: [] for number in range(len(slots))}

    def work(number: int) -> None:
        while batch := taken(slots[number], {"hear": 2}):
            found[number] += batch

    threads = [threading.Thread(target=work, args=(number,)) for number in found]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(found[3]) <= set(gold)
    assert sorted(job for batch in found.values() for job in batch) == sorted(plain + gold)


LOOKS = {
    "ix_work_items_plan_deadline_s": _waiting(list(FAMILIES), "enterprise"),
    "ix_work_items_lost": _waiting(list(FAMILIES), None).where(_READY_AGAIN),
}


@pytest.mark.parametrize("index", LOOKS)
def test_a_claim_finds_its_work_by_an_index_however_much_of_others_waits(shop, index):
    query = LOOKS[index]
    shop.submit("pro")
    with shop.bench.database.engine.connect() as connection:
        item = connection.execute(sa.select(work_items)).mappings().one()
        others = [{**item, "id": f"other_{number}", "deadline_s": float(number)} for number in range(1000)]
        # Never committed: the statistics of a table that is empty again would mislead the next test.
        connection.execute(sa.insert(work_items), others)
        if shop.bench.database.is_sqlite:
            explain = "EXPLAIN QUERY PLAN"
        else:
            explain = "EXPLAIN"
            connection.execute(sa.text("ANALYZE work_items"))
        plan = connection.execute(sa.text(f"{explain} {literal(query, connection)}")).all()
        connection.rollback()
    assert index in str(plan)


def literal(query, connection) -> str:
    return str(query.compile(connection, compile_kwargs={"literal_binds": True})).replace(":", "\\:")


def test_work_of_before_belongs_to_its_jobs_plan(shop):
    shop.submit("enterprise")
    with shop.bench.database.write() as connection:
        command.downgrade(alembic_config(connection), "0007")
    migrate(shop.bench.database)
    with shop.bench.rows() as rows:
        assert rows.scalars(sa.select(work_items.c.plan)).all() == ["enterprise"]


class TestAdmission:
    """With two workers, one kept for `enterprise`: a note of 5 s takes 2.5 s of a worker."""

    @pytest.fixture
    def site(self, shop):
        site = Site(shop.bench, workers=2)
        shop.bench.allowance = Quotas(shop.bench.settings)
        return site

    def note(self, shop, site, plan):
        return site.note(0, owner=shop.owners[plan])

    def accepted(self, shop, site, plan) -> int:
        for number in range(100):
            try:
                self.note(shop, site, plan)
            except Overloaded:
                return number
        raise AssertionError("never refused")

    def test_time_that_is_kept_for_a_plan_is_not_promised_to_others(self, shop, site):
        # 0.3 of the 17.5 s that a note leaves of its 20: three notes on the one slot that is everybody's.
        assert self.accepted(shop, site, "pro") == 3
        # That is due later than its own plan's, which is accepted all the same.
        assert self.note(shop, site, "enterprise").eta_s == pytest.approx(2.5)

    def test_a_plan_is_promised_its_own_slots_and_everybodys(self, shop, site):
        # 0.8 of the 10.5 s that a note leaves of its 13 are 8.4: seven notes, the last behind six on two slots.
        assert self.accepted(shop, site, "enterprise") == 7

    def test_without_a_reservation_it_is_promised_to_all(self, shop, site):
        change_plan(shop.bench.database, "enterprise", {"reserved_slots": "0"})
        assert self.accepted(shop, site, "pro") == 5
