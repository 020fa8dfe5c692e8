"""A host's GPUs as its driver tells them: all, some, none, and what goes wrong in between."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

GIB = 1 << 30
FIELDS = {
    "memory": {"memory_used_bytes", "memory_total_bytes"},
    "utilisation": {"utilisation"},
    "temperature": {"temperature_c"},
    "power": {"power_w"},
    "limit": {"power_limit_w"},
    "ecc": {"ecc_corrected", "ecc_uncorrected"},
}


def test_eight_devices_tell_everything_in_base_units(reader):
    reading = reader.read("uncorrected 2")
    assert (reading["driver"], reading["reason"], len(reading["gpus"])) == ("570.86.15", None, 8)
    assert reading["gpus"][3] == {
        "index": 3, "instance": None, "mig": None, "uuid": "GPU-00000000-0000-4000-8000-000003000000",
        "name": "NVIDIA A100-SXM4-40GB", "memory_used_bytes": 4 * GIB, "memory_total_bytes": 40 * GIB,
        "utilisation": 0.4, "temperature_c": 53.0, "power_w": 103.5, "power_limit_w": 400.0, "ecc_corrected": 3,
        "ecc_uncorrected": 2, "reasons": {},
    }  # fmt: skip
    assert len({gpu["uuid"] for gpu in reading["gpus"]}) == 8


def test_a_device_in_mig_mode_is_followed_by_its_instances(reader):
    gpus = reader.read("mig 7")["gpus"]
    whole, one, other = gpus[7:]
    assert [gpu["index"] for gpu in gpus] == [0, 1, 2, 3, 4, 5, 6, 7, 7, 7]
    assert (whole["instance"], whole["mig"], whole["temperature_c"]) == (None, None, 57.0)
    assert (whole["utilisation"], whole["reasons"]) == (None, {"utilisation": "not supported"})
    assert [(gpu["instance"], gpu["mig"], gpu["memory_total_bytes"]) for gpu in (one, other)] == [
        ("1/0", "3g.20gb", 20 * GIB),
        ("2/0", "3g.20gb", 20 * GIB),
    ]
    assert one["uuid"].startswith("MIG-")
    assert one["uuid"] != other["uuid"]
    assert (one["power_w"], one["reasons"]["power_w"]) == (None, "not supported")


def test_instances_without_numbers_are_told_apart_by_their_places(reader):
    gpus = reader.read("devices 1", "mig 0", "unsupported ids")["gpus"]
    assert [gpu["instance"] for gpu in gpus] == [None, "#0", "#1"]


@pytest.mark.parametrize("kind", FIELDS)
def test_what_a_device_does_not_support_is_missing_with_the_reason_and_not_zero(reader, kind):
    gpu = reader.read("devices 1", f"unsupported {kind}")["gpus"][0]
    assert {field for field, value in gpu.items() if value is None} == FIELDS[kind] | {"instance", "mig"}
    assert gpu["reasons"] == dict.fromkeys(FIELDS[kind], "not supported")


def test_an_older_driver_tells_memory_in_the_older_way(reader):
    gpu = reader.read("devices 1", "absent memory_v2")["gpus"][0]
    assert (gpu["memory_used_bytes"], gpu["memory_total_bytes"], gpu["reasons"]) == (2 * GIB, 40 * GIB, {})


def test_a_lost_device_is_told_while_the_others_go_on_and_comes_back(reader):
    lost = reader.read("lost 3")["gpus"]
    assert lost[3]["reasons"] == {"device": "GPU is lost"}
    assert (lost[3]["index"], lost[3]["memory_used_bytes"]) == (3, None)
    assert [gpu["memory_used_bytes"] for gpu in lost if gpu["index"] != 3] == [n * GIB for n in (1, 2, 3, 5, 6, 7, 8)]
    assert reader.read()["gpus"][3]["reasons"] == {}


def test_a_device_that_answers_nothing_any_more_is_said_not_to_answer(reader):
    gpu = reader.read("devices 1", "broken 999")["gpus"][0]
    assert gpu["reasons"]["device"] == gpu["reasons"]["power_w"] == "NVML error 999"
    assert not [field for field, value in gpu.items() if value is not None and field not in ("index", "reasons")]


@pytest.mark.parametrize(
    ("code", "says"),
    [(9, "driver not loaded"), (18, "driver and library are of different versions"), (999, "NVML error 999")],
)
def test_a_driver_that_is_not_there_is_a_reason_until_it_comes(reader, code, says):
    nothing = {"gpus": [], "driver": None, "reason": says, "driver_fails": True, "told_before": 0}
    assert reader.read(f"init {code}") == nothing
    assert len(reader.read()["gpus"]) == 8
    assert reader.read(f"init {code}") == nothing
    assert len(reader.read()["gpus"]) == 8


def test_a_driver_without_a_device_is_a_reason_too(reader):
    reading = reader.read("devices 0")
    assert (reading["gpus"], reading["reason"], reading["driver"]) == ([], "no GPU", "570.86.15")


def test_a_host_without_the_library_is_a_reason(tmp_path):
    # A file that is no library keeps the search from finding one of the machine's own.
    (tmp_path / "libnvidia-ml.so.1").write_text("no library")
    code = (
        "from appliance.gpus.nvml import Nvml; reading = Nvml().read(); "
        "print(reading.reason, reading.gpus, reading.driver_fails)"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "LD_LIBRARY_PATH": str(tmp_path)}, capture_output=True,
        text=True, check=True, cwd=Path(__file__).resolve().parents[2],
    )  # fmt: skip
    assert said.stdout == "NVML library not found () False\n"


def test_a_driver_that_never_answers_holds_nobody_up(fake_nvml, tmp_path):
    fake_nvml.says("hang 1")
    code = (
        "import sys; from appliance.gpus.watch import gpus_watched; from appliance.storage.database import Database\n"
        "with gpus_watched(Database(sys.argv[1]), 'a'): print('works meanwhile', flush=True)"
    )
    said = subprocess.run(
        [sys.executable, "-c", code, f"sqlite:///{tmp_path}/x.sqlite3"], env={**os.environ, **fake_nvml.environment},
        capture_output=True, text=True, timeout=60, cwd=Path(__file__).resolve().parents[2],
    )  # fmt: skip
    assert (said.returncode, said.stdout) == (0, "works meanwhile\n")
