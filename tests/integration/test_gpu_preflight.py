"""Preflight with a driver's library: a process as on the target, and a stand-in that tells eight A100."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.services import fake_nvml as fake_nvml

ROOT = Path(__file__).resolve().parents[2]
EIGHT = ",".join(f"{index}=30" for index in range(8))
LAST_INSTANCES = [f"MIG-00000000-0000-4000-8000-00000700000{place}" for place in (1, 2)]


@pytest.fixture
def examined(fake_nvml):
    """A function that lets the library say something and returns preflight's findings about GPUs, by check."""

    def examine(*says: str, gpus: str = EIGHT, more: tuple[str, ...] = ("--gpu-driver", "525")) -> dict[str, list[str]]:
        fake_nvml.says(*says)
        command = [sys.executable, "-m", "installer", "preflight", "--json", "--ports", "none", "--gpus", gpus, *more]
        told = subprocess.run(
            command, cwd=ROOT, env={**os.environ, **fake_nvml.environment}, capture_output=True, text=True, check=True
        )  # fmt: skip
        found: dict[str, list[str]] = {}
        for line in json.loads(told.stdout)["lines"]:
            effect, check, text = line.split(" ", 2)
            if check.startswith("[gpu_") and check != "[gpu_device]":  # no machine of the tests has that
                found.setdefault(f"{effect} {check[1:-1]}", []).append(text)
        return found

    return examine


def test_eight_cards_that_are_as_the_inventory_says_have_no_finding(examined):
    assert examined() == {}


def test_no_driver_is_asked_without_a_gpu_in_the_inventory(examined):
    assert examined("init 9", gpus="none") == {}


@pytest.mark.parametrize(
    ("says", "check", "text"),
    [
        ("init 9", "gpu_driver", "driver not loaded"),
        ("driver 515.65", "gpu_driver", "The driver is 515.65, the bundle needs 525"),
        ("devices 7", "gpu_count", "names GPU 7"),
        ("lost 3", "gpu_count", "GPU 3 does not answer: GPU is lost"),
        ("uncorrected 2", "gpu_ecc", "GPU 0 has 2 memory errors"),
        ("remap 2", "gpu_remap", "GPU 2 replaces"),
        ("worn 2", "gpu_remap", "GPU 2 has no spare rows"),
        ("mig 7", "gpu_mig", "GPU 7 is in MIG mode"),
        ("capability 75", "gpu_model", "GPU 0 has compute capability 7.5"),
        ("busy 3", "gpu_processes", "GPU 3 is used by"),
    ],
)
def test_each_trouble_of_a_driver_stops_and_is_told_alone(examined, says, check, text):
    found = examined(says)

    assert list(found) == [f"STOP {check}"]
    assert text in found[f"STOP {check}"][0]


def test_all_troubles_are_told_at_once(examined):
    found = examined(
        "driver 515.65", "devices 7", "lost 3", "uncorrected 1", "remap 2", "transient 4", "busy 5", "mig 6",
        "unsupported memory",
    )  # fmt: skip

    assert {key.split()[1] for key in found} == {
        "gpu_driver", "gpu_count", "gpu_ecc", "gpu_remap", "gpu_persistence", "gpu_processes", "gpu_mig",
        "gpu_unreadable",
    }  # fmt: skip
    assert "memory cannot be read (not supported)" in found["note gpu_unreadable"][0]


@pytest.mark.parametrize("kind", ["memory", "ecc", "remap", "persistence", "processes"])
def test_what_the_driver_does_not_support_is_told_and_not_judged(examined, kind):
    found = examined("uncorrected 5", f"unsupported {kind}")

    assert "(not supported)" in found["note gpu_unreadable"][0]
    assert ("STOP gpu_ecc" in found) == (kind != "ecc")


def test_instances_have_to_be_those_of_the_inventory(examined):
    seven = ",".join(EIGHT.split(",")[:7])
    named = ",".join([seven, *(f"{uuid}=20" for uuid in LAST_INSTANCES)])
    assert examined("mig 7", gpus=named) == {}

    missing = examined("mig 7", gpus=f"{named},MIG-other=20")
    assert "MIG-other is not there" in missing["STOP gpu_mig"][0]
    gone = examined(gpus=named)
    assert len(gone["STOP gpu_mig"]) == 2


def test_a_wanted_model_is_compared_with_every_card(examined):
    more = ("--gpu-driver", "525", "--gpu-model", "A100")
    assert examined(more=more) == {}
    assert len(examined("model Tesla-T4", more=more)["STOP gpu_model"]) == 8


def test_a_site_may_waive_a_check_of_gpus(examined):
    assert list(examined("busy 3", more=("--gpu-driver", "525", "--waive", "gpu_processes"))) == ["note gpu_processes"]


def test_a_driver_that_never_answers_is_said_not_to_and_holds_nobody_up(examined):
    found = examined("hang 1", more=("--gpu-driver", "525", "--gpu-limit-s", "1"))

    assert "does not answer within 1 s" in found["STOP gpu_driver"][0]


def test_a_machine_without_the_library_is_told(tmp_path):
    # A file that is no library keeps the search from finding one of the machine's own.
    (tmp_path / "libnvidia-ml.so.1").write_text("no library")
    told = subprocess.run(
        [sys.executable, "-m", "installer", "preflight", "--json", "--gpus", "0=40", "--gpu-driver", "580"], cwd=ROOT,
        env={**os.environ, "LD_LIBRARY_PATH": str(tmp_path)}, capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert "NVML library not found" in told.stdout


def test_a_device_that_cannot_be_understood_is_a_mistake_of_the_command_line():
    told = subprocess.run(
        [sys.executable, "-m", "installer", "preflight", "--gpus", "zero=40"], cwd=ROOT, capture_output=True, text=True,
        check=False,
    )  # fmt: skip

    assert told.returncode == 2
    assert "not GPU=GIB" in told.stderr
