"""The watchdog of `meeshy serve`: whose batch hangs is ended, and nobody else."""

import os

import pytest

from appliance.jobs.claims import Claims
from appliance.jobs.registry import WorkerRegistry
from appliance.pool.embedded import HUNG_BATCHES_ALONE, EmbeddedWatch
from appliance.storage.database import Database
from appliance.workers.capabilities import capabilities_of
from appliance.workers.roles import BATCH_LIMITS, FAMILIES


class ThisProcess:
    """A child that stands for one: it notes that it was to be ended."""

    def __init__(self) -> None:
        self.pid: int | None = os.getpid()
        self.ended: list[int] = []

    def end(self, pid: int) -> None:
        self.ended.append(pid)


@pytest.fixture
def child():
    return ThisProcess()


@pytest.fixture
def watch(bench, child):
    WorkerRegistry(bench.database, "w1").announce(capabilities_of(bench.engines, bench.settings), FAMILIES)
    return EmbeddedWatch(bench.settings, child, bench.clock)


def test_a_batch_that_takes_longer_than_its_audio_allows_ends_the_child(bench, watch, child):
    bench.submit("good morning", "fr")
    watch.look(bench.database)
    (item,) = Claims(bench.database, "w1", 10.0).claim(BATCH_LIMITS)
    audio_s = bench.get(bench.submit("good morning", "fr")).audio.duration_s
    allowed_s = HUNG_BATCHES_ALONE.hung_base_s + HUNG_BATCHES_ALONE.hung_per_audio_s * audio_s
    bench.clock.advance(allowed_s - 1.0)
    watch.look(bench.database)
    assert (item.attempts, child.ended) == (1, [])
    bench.clock.advance(2.0)
    watch.look(bench.database)
    assert child.ended == [os.getpid()]


def test_who_has_nothing_in_hand_may_be_silent_or_load_for_as_long_as_it_takes(bench, watch, child):
    for _ in range(3):
        watch.look(bench.database)
        bench.clock.advance(3600.0)
    assert child.ended == []


def test_nobody_is_looked_at_while_there_is_no_child(bench, watch, child):
    bench.submit("good morning", "fr")
    Claims(bench.database, "w1", 10.0).claim(BATCH_LIMITS)
    bench.clock.advance(3600.0)
    child.pid = None
    watch.look(bench.database)
    assert child.ended == []


def test_a_database_that_is_away_ends_nobody(watch, child, caplog, tmp_path):
    away = Database(f"sqlite:///{tmp_path}/nowhere/absent.sqlite3")
    watch.look(away)
    away.close()
    assert child.ended == []
    assert "nobody looks after the worker" in caplog.text
