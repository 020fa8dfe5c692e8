"""The worker child's housekeeper: what it tells the API and what it takes away."""

import threading

from appliance.jobs.registry import CapabilityReader, WorkerRegistry, process_exists
from appliance.testing.engines import ScriptedTranslator
from appliance.workers.capabilities import capabilities_of
from appliance.workers.child import _keep_house
from appliance.workers.doorbell import LocalDoorbell


def test_a_language_pack_that_came_is_published_at_the_next_round(bench):
    registry = WorkerRegistry(bench.database, "w1")
    registry.announce(capabilities_of(bench.engines, bench.settings))
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
    settings = bench.settings.model_copy(update={"poll_rings": False})
    _keep_house(settings, bench.context, registry, LocalDoorbell(lambda: None), gone)
