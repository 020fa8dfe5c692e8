"""The worker child's housekeeper: what it tells the API and what it takes away."""

import threading

import sqlalchemy as sa

from appliance.jobs.registry import CapabilityReader, WorkerRegistry, process_exists
from appliance.storage.tables import workers
from appliance.testing.engines import ScriptedTranslator
from appliance.workers.capabilities import capabilities_of
from appliance.workers.housekeeper import Publisher, keep_house
from appliance.workers.roles import FAMILIES


def test_a_language_pack_that_came_is_published_at_the_next_round(bench):
    registry = WorkerRegistry(bench.database, "w1")
    registry.announce(capabilities_of(bench.engines, bench.settings), FAMILIES)
    before = CapabilityReader(bench.database).current()
    bench.translator = ScriptedTranslator([("en", "fr"), ("fr", "en"), ("es", "fr")])
    one_round(bench, registry)
    now = CapabilityReader(bench.database).current()
    assert ("es", "fr", "standard") in now.routes
    assert now.pipelines["fr"] != before.pipelines["fr"]


def test_a_process_exists_until_it_has_ended():
    import subprocess
    import sys

    child = subprocess.Popen([sys.executable, "-c", ""])
    assert process_exists(child.pid)
    child.wait()
    assert not process_exists(child.pid)


def one_round(bench, registry):
    gone = threading.Event()
    gone.set()
    publisher = Publisher(registry, lambda: capabilities_of(bench.engines, bench.settings))
    keep_house([registry.seen, publisher.publish], gone, bench.settings.poll_s)


def test_a_duty_that_fails_keeps_no_other_from_being_done():
    done, gone = [], threading.Event()
    gone.set()
    keep_house([lambda: 1 / 0, lambda: done.append("second")], gone, 1.0)
    assert done == ["second"]


def test_a_worker_whose_entry_was_lost_enters_itself_again(bench):
    registry = WorkerRegistry(bench.database, "w1")
    registry.announce(capabilities_of(bench.engines, bench.settings), ["hear"])
    registry.proven()
    with bench.database.write() as connection:
        connection.execute(sa.delete(workers))
    registry.seen()
    reader = CapabilityReader(bench.database)
    assert (reader.families(), reader.proven()) == ({"w1": {"hear"}}, True)
    registry.gone()
    registry.seen()
    with bench.database.write() as connection:
        connection.execute(sa.delete(workers))
    registry.seen()
    assert reader.families() == {}


def test_workers_are_listed_with_the_work_they_take_until_they_leave(bench):
    able = capabilities_of(bench.engines, bench.settings)
    both = {name: WorkerRegistry(bench.database, name) for name in ("ears", "mouth")}
    both["ears"].announce(able, ["hear", "translate"])
    both["mouth"].announce(able, ["synthesize"])
    reader = CapabilityReader(bench.database)
    assert reader.families() == {"ears": {"hear", "translate"}, "mouth": {"synthesize"}}
    both["ears"].gone()
    assert set(reader.families()) == {"mouth"}
    bench.clock.advance(60.0)
    assert reader.families() == {}


def test_what_workers_can_do_is_read_again_after_half_a_second_and_at_once_while_there_is_none(bench):
    monotonic_s = [0.0]
    reader = CapabilityReader(bench.database, lambda: monotonic_s[0])
    assert reader.current() is None
    first, second = WorkerRegistry(bench.database, "w1"), WorkerRegistry(bench.database, "w2")
    first.announce(capabilities_of(bench.engines, bench.settings), FAMILIES)
    before = reader.current()
    bench.clock.advance(1.0)
    bench.translator = ScriptedTranslator([("es", "fr")])
    second.announce(capabilities_of(bench.engines, bench.settings), FAMILIES)
    monotonic_s[0] = 0.4
    assert reader.current() is before
    monotonic_s[0] = 0.6
    assert reader.current().routes == capabilities_of(bench.engines, bench.settings).routes != before.routes
