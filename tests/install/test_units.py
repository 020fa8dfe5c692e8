"""Every unit is locked in, as systemd reckons it: rendered as the roles write them, without a machine."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.install.ansible_environment import ROOT, ansible_environment
from tests.services import tool

pytestmark = [pytest.mark.network, pytest.mark.timeout(600)]
ANSIBLE = ROOT / "ansible"
TIGHT, GPU, LOADS_MODULES = 20, 45, 60
"""Tenths of systemd's exposure: of services, of the one that opens the GPUs, and of the one that loads their module."""
VARIABLES = {
    "ansible_managed": "test",
    "application_credentials": {"database_url": "x"},
    "application_peers": ["10.0.0.11"],
    "application_cuda_libraries": "/opt/meeshy/current/x",
    "workers_gpu": False,
    "meeshy_objectstore_clients": ["10.0.0.11"],
    "meeshy_inner": ["10.0.0.10", "10.0.0.11"],
    "objectstore_release": "/opt/meeshy/releases/x",
    "objectstore_port": 8333,
    "objectstore_address": "10.0.0.10",
    "objectstore_volume_mb": 1024,
    "edge_application_port": 8750,
    "inventory_hostname": "head",
    "monitoring_host": "head",
    "meeshy_address": "10.0.0.10",
    "monitoring_exporter_port": 9100,
    "monitoring_days": 30,
    "monitoring_port": 9090,
    "monitoring_certificates": ["authority=/x.crt"],
}
RENDER = """
import json, sys
from jinja2 import Environment, FileSystemLoader, StrictUndefined
folders, name, variables = json.loads(sys.argv[1])
house = Environment(loader=FileSystemLoader(folders), undefined=StrictUndefined, trim_blocks=True)
house.filters["bool"] = bool
sys.stdout.write(house.get_template(name).render(variables))
"""
"""As Ansible's template module has Jinja set up."""
UNITS = [
    ("application", "meeshy-api.service", {}, TIGHT),
    ("application", "meeshy-housekeeping.service", {}, TIGHT),
    ("workers", "meeshy-pool.service", {}, TIGHT),
    ("workers", "meeshy-pool.service", {"workers_gpu": True}, GPU),
    ("workers", "meeshy-gpu.service", {}, LOADS_MODULES),
    ("objectstore", "meeshy-objects.service", {}, TIGHT),
    ("firewall", "meeshy-firewall.service", {}, TIGHT),
    ("edge", "meeshy-edge-purge.service", {}, TIGHT),
    ("monitoring", "meeshy-prometheus.service", {}, TIGHT),
    ("monitoring", "meeshy-node-exporter.service", {"monitoring_host": "another"}, TIGHT),
    ("monitoring", "meeshy-certificates.service", {}, TIGHT),
]


@pytest.fixture(scope="module")
def python() -> Path:
    tool("systemd-analyze", "Debian: systemd")
    return ansible_environment() / "python"


def rendered(python: Path, role: str, name: str, changes: dict[str, object]) -> str:
    folders = [str(ANSIBLE / "roles" / role / "templates"), str(ANSIBLE / "templates")]
    document = json.dumps([folders, f"{name}.j2", VARIABLES | changes])
    return subprocess.run([python, "-c", RENDER, document], check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize(("role", "name", "changes", "threshold"), UNITS, ids=lambda value: str(value)[:40])
def test_a_unit_is_locked_in(python, tmp_path, role, name, changes, threshold):
    file = tmp_path / name
    file.write_text(rendered(python, role, name, changes))

    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", f"--threshold={threshold}", file]
    told = subprocess.run(command, check=False, capture_output=True, text=True)

    assert told.returncode == 0, told.stdout[-600:] + told.stderr[-600:]
    assert not [line for line in told.stderr.splitlines() if "ignoring" in line.lower()]


def test_the_pool_of_a_machine_with_gpus_opens_them_and_finds_their_libraries(python):
    unit = rendered(python, "workers", "meeshy-pool.service", {"workers_gpu": True})

    assert re.findall(r"^DeviceAllow=(.*)$", unit, re.MULTILINE) == [
        "/dev/nvidiactl rw", "/dev/nvidia-uvm rw", "/dev/nvidia-uvm-tools rw", "char-nvidia* rw",
    ]  # fmt: skip
    assert "Environment=LD_LIBRARY_PATH=/opt/meeshy/current/x\n" in unit
    assert "After=meeshy-gpu.service\n" in unit
    assert "gpu" not in rendered(python, "workers", "meeshy-pool.service", {}).lower()


def test_every_unit_of_the_roles_is_judged():
    there = {path.name.removesuffix(".j2") for path in ANSIBLE.rglob("*.service.j2")}
    assert there == {name for _, name, _, _ in UNITS}
