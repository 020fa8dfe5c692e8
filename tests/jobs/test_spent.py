"""What is asked at each upload of a limited plan reads no row of what was answered from what is kept."""

import pytest
import sqlalchemy as sa

from appliance.access.spent import first_to_go_s, spent_so_far, stored_bytes, used
from appliance.storage.tables import jobs, usage

HITS = 2000
MONTH, DAY = "2026-11-01", "2026-11-27"
SUMS = {
    "of a month": lambda rows: used(rows, usage.c.translations, "app", MONTH),
    "of a user's month": lambda rows: used(rows, usage.c.translations, "app", MONTH, "alice"),
    "of a day": lambda rows: used(rows, usage.c.audio_s, "app", DAY),
}
HELD = {
    "of a store": lambda rows: stored_bytes(rows, "app"),
    "of a user's store": lambda rows: stored_bytes(rows, "app", "alice"),
}


@pytest.fixture
def rows(bench):
    """A month of hits, and one job that was computed; never committed, since statistics would mislead other tests."""
    bench.submit("good morning", "fr")
    bench.run()
    with bench.database.engine.connect() as connection:
        connection.execute(sa.update(usage).values(day=DAY))
        computed, job = (connection.execute(sa.select(table)).mappings().one() for table in (usage, jobs))
        hit = {**computed, "translations": 0, "cached_answers": 1, "audio_s": 0.0, "recording_bytes": 0}
        connection.execute(sa.insert(usage), [{**hit, "target_id": f"hit_{number}"} for number in range(HITS)])
        answered = {**job, "stored_bytes": 0, "idempotency_key": None}
        connection.execute(sa.insert(jobs), [{**answered, "id": f"job_{number}"} for number in range(HITS)])
        if not bench.database.is_sqlite:
            connection.exec_driver_sql("ANALYZE usage, jobs")
        yield connection
        connection.rollback()


def plans(connection: sa.Connection, ask) -> list[str]:
    """Return how the database goes about each statement that is asked."""
    asked = []
    sa.event.listen(connection, "before_cursor_execute", lambda *heard: asked.append((heard[2], heard[3])))
    ask(connection)
    explain = "EXPLAIN QUERY PLAN" if connection.dialect.name == "sqlite" else "EXPLAIN"
    told = [connection.exec_driver_sql(f"{explain} {sql}", bound).all() for sql, bound in list(asked)]
    return ["\n".join(str(row) for row in plan) for plan in told]


@pytest.mark.parametrize(
    "index", [*(("ix_usage_counted", name) for name in SUMS), *(("ix_jobs_holding", name) for name in HELD)]
)
def test_a_sum_is_taken_over_what_counts_alone(rows, index):
    name, asks = index
    [plan] = plans(rows, {**SUMS, **HELD}[asks])
    assert name in plan


def test_the_gate_asks_once_and_by_these_indexes(rows):
    [plan] = plans(rows, lambda rows: spent_so_far(rows, "app", MONTH, DAY))
    assert plan.count("ix_usage_counted") == 2
    assert plan.count("ix_jobs_holding") == 1


def test_what_is_left_out_would_add_nothing(rows, bench):
    everything = sa.select(
        sa.func.sum(usage.c.translations),
        sa.func.sum(usage.c.audio_s),
        sa.select(sa.func.sum(jobs.c.stored_bytes)).scalar_subquery(),
    )
    assert tuple(spent_so_far(rows, "app", MONTH, DAY)) == tuple(rows.execute(everything).one())
    assert spent_so_far(rows, "app", MONTH, DAY).translations == 1
    assert first_to_go_s(rows, "app", bench.settings, bench.clock.now_s()) is not None
