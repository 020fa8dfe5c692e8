"""The port on which a process that is no API tells its metrics."""

import logging
import socket
from contextlib import ExitStack

import httpx
import pytest

from appliance.settings import Settings
from appliance.telemetry import exposing
from appliance.telemetry.exposing import exposed
from appliance.telemetry.metrics import Metrics
from appliance.testing.ports import free_port


@pytest.fixture
def settings(tmp_path) -> Settings:
    return Settings(data_dir=tmp_path, metrics_port=free_port(), metrics_ports=8)


def tells(port: int, batches: int) -> bool:
    try:
        text = httpx.get(f"http://127.0.0.1:{port}/metrics").text
    except httpx.HTTPError:
        return False
    return f'meeshy_batch_items_count{{family="hear"}} {float(batches)}' in text


def counted(batches: int) -> Metrics:
    metrics = Metrics()
    for _ in range(batches):
        metrics.ran("hear", 1, 0.1)
    return metrics


def test_processes_of_one_host_take_one_port_after_the_other(settings, caplog):
    with ExitStack() as stack:
        stack.enter_context(exposed(counted(1), settings))
        stack.enter_context(exposed(counted(2), settings))
        ports = range(settings.metrics_port, settings.metrics_port + settings.metrics_ports)
        # Somebody else may have one in between.
        assert [[tells(port, batches) for port in ports].count(True) for batches in (1, 2)] == [1, 1]
        assert [each for each in caplog.records if each.name == exposing.__name__] == []


def test_a_process_for_which_no_port_is_left_works_without_and_says_so(settings, caplog):
    caplog.set_level(logging.WARNING)
    one = settings.model_copy(update={"metrics_ports": 1})
    with exposed(counted(1), one), exposed(counted(2), one):
        assert tells(one.metrics_port, 1)
    assert [record.getMessage().split(":")[0] for record in caplog.records] == [
        f"no metrics: no port from {one.metrics_port} on can be listened on".split(":")[0]
    ]


def test_a_port_is_free_again_afterwards_and_0_takes_none(settings):
    with exposed(counted(1), settings):
        pass
    with exposed(counted(1), settings.model_copy(update={"metrics_port": 0})):
        probe = socket.create_server(("127.0.0.1", settings.metrics_port))
        probe.close()
