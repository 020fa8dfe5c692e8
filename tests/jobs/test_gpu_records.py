"""What hosts read of their GPUs, as every other process finds it."""

import msgspec
import pytest
import sqlalchemy as sa

from appliance.gpus.reading import GpuReading, HostReading
from appliance.gpus.records import FRESH_S, KEEP_S, KEEP_WITHOUT_S, last_readings, record_reading
from appliance.gpus.watch import Watch
from appliance.storage.admin_tables import gpu_readings

ONE = HostReading(gpus=(GpuReading(index=0, uuid="GPU-1", power_w=100.5, reasons={"utilisation": "x"}),), driver="570")
NONE = HostReading(reason="NVML library not found")
TWO = HostReading(gpus=(*ONE.gpus, GpuReading(index=1, uuid="GPU-2")), driver="570")
DIVIDED = HostReading(gpus=(*ONE.gpus, GpuReading(index=0, instance="1/0"), GpuReading(index=0, instance="2/0")))
GONE = HostReading(reason="driver not loaded", driver_fails=True)


def told(database):
    with database.read() as connection:
        return list(last_readings(connection, database.now_s(connection)))


def test_each_host_has_its_last_reading_with_its_age(database, clock):
    record_reading(database, "b:1:pid", NONE)
    clock.advance(5.0)
    record_reading(database, "a:1:pid", NONE)
    record_reading(database, "a:1:pid", ONE)
    clock.advance(2.0)
    first, second = told(database)
    assert (first.node, first.host, first.age_s, first.reading) == ("a", "a:1:pid", pytest.approx(2.0), ONE)
    assert (second.node, second.age_s, second.reading) == ("b", pytest.approx(7.0), NONE)


def test_a_machine_that_was_started_anew_is_told_once(database, clock):
    record_reading(database, "a:before:pid", NONE)
    clock.advance(60.0)
    record_reading(database, "a:after:pid", ONE)
    assert [(record.host, record.reading) for record in told(database)] == [("a:after:pid", ONE)]


def test_a_host_that_reads_no_more_is_stale_then_forgotten(database, clock):
    record_reading(database, "a", ONE)
    record_reading(database, "without", NONE)
    clock.advance(FRESH_S)
    assert [record.fresh for record in told(database)] == [True, True]
    clock.advance(1.0)
    assert [record.fresh for record in told(database)] == [False, False]
    clock.advance(KEEP_WITHOUT_S)
    record_reading(database, "b", NONE)
    assert [(record.node, record.state) for record in told(database)] == [("a", "old"), ("b", "none")]
    clock.advance(KEEP_S)
    assert told(database) == []
    record_reading(database, "b", NONE)
    with database.read() as connection:
        assert connection.scalars(sa.select(gpu_readings.c.host)).all() == ["b"]


STATES = {
    "it tells devices": ([ONE], 0.0, ("read", 1)),
    "it has not read them lately": ([ONE], FRESH_S + 1, ("old", 1)),
    "its driver went": ([ONE, GONE], 0.0, ("driver", 1)),
    "its driver went long ago": ([ONE, GONE, GONE, NONE], 0.0, ("driver", 1)),
    "its driver went and then the pool": ([ONE, GONE], FRESH_S + 1, ("old", 1)),
    "its driver never answered": ([GONE], 0.0, ("driver", 0)),
    "its devices came back": ([ONE, GONE, ONE], 0.0, ("read", 1)),
    "one of its cards went": ([TWO, ONE], 0.0, ("fewer", 1)),
    "one of its cards went while the driver was away": ([TWO, GONE, ONE], 0.0, ("fewer", 1)),
    "one of its cards went, and then the pool": ([TWO, ONE], FRESH_S + 1, ("old", 1)),
    "its card came back": ([TWO, ONE, TWO], 0.0, ("read", 2)),
    "its card is divided no more": ([DIVIDED, ONE], 0.0, ("read", 1)),
    "there never was one": ([NONE], 0.0, ("none", 0)),
    "there never was one, and the pool went": ([NONE], FRESH_S + 1, ("none", 0)),
}


@pytest.mark.parametrize("case", STATES)
def test_a_host_without_gpus_is_told_apart_from_one_that_does_not_tell_them(database, clock, case):
    readings, later_s, found = STATES[case]
    for reading in readings:
        record_reading(database, "a", reading)
    clock.advance(later_s)
    (record,) = told(database)
    assert (record.state, record.devices) == found


def test_a_card_that_went_is_asked_about_for_a_day_over_a_restart_of_the_machine(database, clock):
    record_reading(database, "a:before:pid", TWO)
    record_reading(database, "b:1:pid", ONE)
    clock.advance(20.0)
    record_reading(database, "a:after:pid", ONE)
    first, second = told(database)
    assert (first.state, first.missing, second.state, second.missing) == ("fewer", 1, "read", 0)
    clock.advance(KEEP_S - 21.0)
    record_reading(database, "a:after:pid", ONE)
    assert told(database)[0].state == "fewer"
    clock.advance(2.0)
    record_reading(database, "a:after:pid", ONE)
    assert (told(database)[0].state, told(database)[0].missing) == ("read", 0)


def test_a_machine_that_came_back_without_its_driver_is_asked_about_for_a_day(database, clock):
    record_reading(database, "a:before:pid", TWO)
    record_reading(database, "a:after:pid", NONE)
    (record,) = told(database)
    assert (record.state, record.devices) == ("driver", 2)
    clock.advance(KEEP_S + 1)
    record_reading(database, "a:after:pid", NONE)
    assert [record.state for record in told(database)] == ["none"]


def test_what_a_release_before_recorded_can_be_read(database, clock):
    record_reading(database, "a", TWO)
    with database.write() as connection:
        old = {name: value for name, value in msgspec.to_builtins(TWO).items() if name != "told_before"}
        connection.execute(sa.update(gpu_readings).values(reading=old))
    assert [record.state for record in told(database)] == ["read"]
    record_reading(database, "a", ONE)
    assert [record.state for record in told(database)] == ["read"]


def test_the_watch_records_what_it_reads_and_says_once_why_there_is_nothing(database, caplog):
    caplog.set_level("INFO")
    lost = HostReading(gpus=(*ONE.gpus, GpuReading(index=1, reasons={"device": "GPU is lost"})))
    readings = [NONE, NONE, ONE, ONE, lost]
    watch = Watch(database, "a", lambda: readings.pop(0))
    for _ in range(2):
        watch.round()
    assert [record.reading for record in told(database)] == [NONE]
    watch.round()
    assert [record.reading for record in told(database)] == [ONE]
    for _ in range(2):
        watch.round()
    assert [record.getMessage() for record in caplog.records] == [
        "GPUs: NVML library not found",
        "GPUs: 1 read",
        "GPUs: 2 read, 1: GPU is lost",
    ]
