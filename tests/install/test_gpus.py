"""A machine with a driver's library: preflight asks it there, and names what is wrong before anything is changed."""

import json
import shutil
from pathlib import Path

import pytest

from appliance.testing.fake_nvml import NAME, compile_fake_nvml, compiler
from tests.install.node import node
from tests.services import needed

pytestmark = [pytest.mark.install, pytest.mark.full, pytest.mark.timeout(600)]
ROOT = Path(__file__).resolve().parents[2]
INVENTORY = """
[[device]]
name = "card"
gpu = 8
memory_gib = 80
[device.roles.whisper]
max = 1
"""


@pytest.fixture(scope="module")
def machine(archive, network, place):
    """A minimal machine with the stand-in for a driver's library where a driver puts its own."""
    needed(compiler(), "a C compiler", "Debian: gcc, libc6-dev")
    with node("cards", 15, network, archive, place, [f"{ROOT}:/checkout"]) as made:
        library = compile_fake_nvml(place / "nvml").folder / NAME
        shutil.copy(library, made.root / "usr/lib/x86_64-linux-gnu" / NAME)
        yield made


def found(machine, *words):
    command = ["/usr/bin/python3", "-B", "-m", "installer", "preflight", "--json", "--ports", "none", *words]
    return json.loads(machine.run("env", "--chdir=/checkout", *command).stdout)


def test_the_cards_of_a_machine_are_compared_with_the_inventory(machine):
    right = found(machine, "--gpus", "0=30,7=30", "--gpu-driver", "525", "--gpu-model", "A100")
    assert not [line for line in right["lines"] if "[gpu_" in line and "gpu_device" not in line]

    wrong = found(machine, "--gpus", "0=80,8=30", "--gpu-driver", "580", "--gpu-model", "H100")
    assert wrong["stop"]
    told = " ".join(wrong["lines"])
    for check in ("gpu_driver", "gpu_count", "gpu_memory", "gpu_model"):
        assert f"STOP [{check}]" in told


def test_the_playbook_refuses_the_machine_and_changes_nothing_on_it(archive, medium, network, place):
    needed(compiler(), "a C compiler", "Debian: gcc, libc6-dev")
    with node("refused", 16, network, archive, place, [f"{medium.folder}:{medium.inside}"]) as box:
        shutil.copy(compile_fake_nvml(place / "nvml").folder / NAME, box.root / "usr/lib/x86_64-linux-gnu" / NAME)
        box.run("install", "-D", "--mode=0644", f"{medium.inside}/bundle-keys", "/etc/meeshy/bundle-keys")
        given = json.dumps({"workers_gpu": True, "workers_inventory": INVENTORY})

        refused = box.run("sh", medium.script, medium.bundle, "--extra-vars", given, check=False, limit_s=600)

        assert refused.returncode != 0
        for check in ("gpu_bundle", "gpu_count"):
            assert f"STOP [{check}]" in refused.stdout
        assert box.run("test", "-e", "/etc/systemd/system/meeshy-api.service", check=False).returncode != 0
        assert "changed=0" in refused.stdout
