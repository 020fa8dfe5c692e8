"""The GPUs of a host, from its driver's library through its pool and the database to every API process."""

import re

import httpx
import sqlalchemy as sa

from appliance.jobs.registry import this_host
from appliance.storage.admin_tables import gpu_readings
from tests.cluster.test_pool import device
from tests.cluster.test_pool import pool as pool
from tests.processes.conftest import eventually
from tests.services import fake_nvml as fake_nvml


def test_every_api_process_tells_the_gpus_of_a_pool_and_which_was_lost(cluster, pool, fake_nvml, monkeypatch):
    for name, value in fake_nvml.environment.items():
        monkeypatch.setenv(name, value)
    fake_nvml.says("mig 7")
    running = pool(device())
    for name in fake_nvml.environment:
        monkeypatch.delenv(name)
    for _ in range(2):
        cluster.start_api(metrics_open=True)
    eventually(lambda: cluster.rows(sa.select(gpu_readings.c.host)) == [(this_host(),)], "the pool has read its GPUs")
    for url in cluster.urls:
        assert len(told(url, "meeshy_gpu_up")) == 10
        assert set(told(url, "meeshy_gpu_up").values()) == {1.0}
        assert told(url, "meeshy_gpu_memory_used_bytes")["3", ""] == 4 * 2**30
        assert told(url, "meeshy_gpu_memory_total_bytes")["7", "2/0"] == 20 * 2**30
        assert ("7", "") not in told(url, "meeshy_gpu_utilisation_ratio")
    fake_nvml.says("lost 3")
    eventually(lambda: told(cluster.urls[0], "meeshy_gpu_up").get(("3", "")) == 0.0, "the loss is told")
    assert told(cluster.urls[1], "meeshy_gpu_up")["2", ""] == 1.0
    assert ("3", "") not in told(cluster.urls[1], "meeshy_gpu_memory_used_bytes")
    running.eventually_has(1)
    assert not running.actions("killed", "died"), "workers do not mind"


def told(url: str, name: str) -> dict[tuple[str, str], float]:
    """Return a metric's values by device and instance."""
    lines = re.findall(rf'^{name}{{gpu="(\d+)",mig="(.*?)",node=".*?"}} (\S+)$', _text(url), re.MULTILINE)
    return {(gpu, mig): float(value) for gpu, mig, value in lines}


def _text(url: str) -> str:
    """Return all metrics, with the labels of each in the order of their names."""
    text = httpx.get(f"{url}/metrics").raise_for_status().text
    return re.sub(r"{(.*?)}", lambda found: "{" + ",".join(sorted(found[1].split(","))) + "}", text)
