"""What preflight says of a machine's GPUs: everything at once, and what was not told is never taken for good."""

from dataclasses import replace

import pytest

from installer.target.gpu_host import GpuHost, read_gpu_host
from installer.target.gpus import WantedGpu, WantedGpus, examine_gpus, judge_gpus, parse_wanted
from installer.target.machine import GIB
from installer.target.nvml import Driver, Gpu, Instance

HOST = GpuHost()
EIGHT = WantedGpus(tuple(WantedGpu(index, 40) for index in range(8)), driver_minimum=580, model="A100")


def card(index, **changes):
    good = Gpu(
        index=index, name="NVIDIA A100-SXM4-40GB", uuid=f"GPU-{index}", capability=(8, 0), memory_bytes=40 * GIB,
        free_bytes=39 * GIB, mig=False, persistent=True, uncorrected=0, remap_pending=False, remap_failed=False,
        processes=(),
    )  # fmt: skip
    return replace(good, **changes)


def driver(*gpus, version="580.65.06"):
    return Driver(version=version, gpus=gpus or tuple(card(index) for index in range(8)))


def with_third(**changes):
    """Return a driver whose third card is other than the rest."""
    return driver(*(card(index, **(changes if index == 2 else {})) for index in range(8)))


def sliced(index=7, uuids=("MIG-a", "MIG-b")):
    return card(index, mig=True, instances=tuple(Instance(uuid, 20 * GIB) for uuid in uuids))


def found(told, wanted=EIGHT, host=HOST):
    return [(each.check, each.stop) for each in judge_gpus(told, host, wanted)]


def test_eight_good_cards_have_no_finding():
    assert judge_gpus(driver(), HOST, EIGHT) == []


@pytest.mark.parametrize(
    ("change", "check", "said"),
    [
        ({"uncorrected": 2}, "gpu_ecc", "GPU 2 has 2 memory errors"),
        ({"remap_pending": True}, "gpu_remap", "GPU 2 replaces a bad row"),
        ({"remap_failed": True, "remap_pending": True}, "gpu_remap", "no spare rows"),
        ({"name": "NVIDIA T4 for A100 sites", "capability": (7, 5)}, "gpu_model", "7.5, 8.0 is needed"),
        ({"memory_bytes": 24 * GIB, "free_bytes": 24 * GIB}, "gpu_memory", "GPU 2 has 24.0 GiB, the inventory says 40"),
        ({"free_bytes": 10 * GIB}, "gpu_memory", "only 10.0 GiB free"),
        ({"uuid": None, "unread": {"uuid": "GPU is lost"}}, "gpu_count", "GPU 2 does not answer: GPU is lost"),
        ({"mig": True}, "gpu_mig", "GPU 2 is in MIG mode"),
    ],
)
def test_a_card_in_trouble_stops_and_is_named(change, check, said):
    stops = [each for each in judge_gpus(with_third(**change), HOST, EIGHT) if each.stop]

    assert [each.check for each in stops] == [check]
    assert said in stops[0].text


def test_what_is_only_worse_does_not_stop():
    assert found(with_third(persistent=False)) == [("gpu_persistence", False)]
    assert found(driver(), host=replace(HOST, memory_device=False)) == [("gpu_device", False)]
    mixed = with_third(name="NVIDIA A100-PCIE-40GB")
    assert found(mixed) == [("gpu_model", False)]


def test_what_a_card_does_not_tell_is_said_and_not_taken_for_zero():
    silent = {"uncorrected": "not supported", "processes": "no permission", "memory_bytes": "not supported"}
    told = with_third(uncorrected=None, processes=None, memory_bytes=None, free_bytes=None, unread=silent)

    notes = judge_gpus(told, HOST, EIGHT)

    assert {each.check for each in notes} == {"gpu_unreadable"}
    assert not any(each.stop for each in notes)
    text = " ".join(each.text for each in notes)
    for label in ("memory errors cannot be read (not supported)", "processes cannot be read (no permission)", "GPU 2"):
        assert label in text


@pytest.mark.parametrize(
    ("version", "stops"), [("580.65.06", False), ("600.1", False), ("579.99", True), ("", True), ("535.104.05", True)]
)
def test_the_driver_must_be_as_new_as_the_bundle_needs(version, stops):
    assert found(driver(version=version)) == ([("gpu_driver", True)] if stops else [])


def test_without_a_driver_the_reason_is_told_and_nothing_else_is_guessed():
    (finding,) = judge_gpus(Driver(reason="driver not loaded"), HOST, EIGHT)

    assert (finding.check, finding.stop) == ("gpu_driver", True)
    assert "driver not loaded" in finding.text


def test_a_bundle_for_processors_is_told_where_the_inventory_names_gpus():
    assert found(driver(), replace(EIGHT, driver_minimum=0)) == [("gpu_bundle", True)]


def test_a_card_that_fell_off_the_bus_is_missed_by_its_number():
    (finding,) = judge_gpus(driver(*(card(index) for index in range(7))), HOST, EIGHT)

    assert (finding.check, finding.stop) == ("gpu_count", True)
    assert "GPU 7" in finding.text
    assert "7 GPUs" in finding.text


def test_instances_are_compared_with_the_inventory_both_ways():
    told = driver(*(card(index) for index in range(7)), sliced())
    both = replace(EIGHT, devices=(*EIGHT.devices[:7], WantedGpu("MIG-a", 20), WantedGpu("MIG-b", 20)))
    assert found(told, both) == []

    one = replace(both, devices=both.devices[:-1])
    (spare,) = judge_gpus(told, HOST, one)
    assert (spare.check, spare.stop) == ("gpu_mig", True)
    assert "MIG-b" in spare.text
    assert "MIG-a" not in spare.text

    other = replace(one, devices=(*one.devices, WantedGpu("MIG-c", 20)))
    assert [each.text for each in judge_gpus(told, HOST, other) if "MIG-c is not there" in each.text]
    assert found(told, replace(both, devices=(*both.devices[:-1], WantedGpu("MIG-b", 40)))) == [("gpu_memory", True)]


def test_cards_that_the_inventory_does_not_use_are_others_business():
    spoiled = card(3, uncorrected=9, processes=(4242,), persistent=False, free_bytes=0)
    told = driver(card(0), spoiled, sliced())
    host = replace(HOST, programs={4242: "train.py"})

    assert found(told, replace(EIGHT, devices=(WantedGpu(0, 40),)), host) == [("gpu_mig", False)]


def test_foreign_processes_are_named_and_the_appliance_s_own_are_none():
    told = with_third(processes=(10, 4242), free_bytes=1 * GIB)

    (finding,) = judge_gpus(told, replace(HOST, programs={4242: "train.py"}), EIGHT)

    assert (finding.check, finding.stop) == ("gpu_processes", True)
    assert "train.py (4242)" in finding.text
    assert found(told) == []


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        (GpuHost(switches=6), [("gpu_fabric", True)]),
        (GpuHost(switches=6, manager_runs=True, manager_version="575.1"), [("gpu_fabric", True)]),
        (GpuHost(switches=6, manager_runs=True, manager_version="580.65.06"), []),
        (GpuHost(switches=6, manager_runs=True), []),
        (GpuHost(manager_runs=False), []),
    ],
)
def test_cards_on_switches_need_the_fabric_manager_of_their_driver(host, expected):
    assert found(driver(), host=host) == expected


def test_everything_is_told_at_once():
    told = driver(
        card(0, uncorrected=1), card(1, remap_pending=True), card(2, persistent=False), card(3, processes=(9,)),
        card(4, memory_bytes=24 * GIB), card(5, uuid=None, unread={"uuid": "GPU is lost"}), sliced(6), version="535.1",
    )  # fmt: skip
    host = GpuHost(switches=6, memory_device=False, programs={9: "train.py"})

    assert {check for check, _ in found(told, host=host)} == {
        "gpu_driver", "gpu_count", "gpu_mig", "gpu_ecc", "gpu_remap", "gpu_persistence", "gpu_processes", "gpu_memory",
        "gpu_fabric", "gpu_device",
    }  # fmt: skip


def test_the_wanted_devices_are_read_from_one_word():
    assert parse_wanted("none") == ()
    assert parse_wanted("0=40,MIG-1f/2=19.5") == (WantedGpu(0, 40.0), WantedGpu("MIG-1f/2", 19.5))
    for wrong in ("0", "0=", "gpu0=40", "MIG-=4", "0=40;1=40", "-1=40"):
        with pytest.raises(ValueError, match="GPU=GIB"):
            parse_wanted(wrong)


def test_without_a_device_nothing_is_asked():
    assert examine_gpus(WantedGpus(driver_minimum=580), ()) == []


def test_switches_device_and_foreign_programs_are_read_from_the_machine(tmp_path):
    for name, vendor, kind in (
        ("a", "0x10de", "0x068000"), ("b", "0x10de", "0x030200"), ("c", "0x8086", "0x068000"),
    ):  # fmt: skip
        device = tmp_path / "sys/bus/pci/devices" / name
        device.mkdir(parents=True)
        (device / "vendor").write_text(f"{vendor}\n")
        (device / "class").write_text(f"{kind}\n")
    for number, unit in (("10", "meeshy-pool.service"), ("11", "user@0.service")):
        (tmp_path / "proc" / number).mkdir(parents=True)
        (tmp_path / "proc" / number / "cgroup").write_text(f"0::/system.slice/{unit}\n")
        (tmp_path / "proc" / number / "comm").write_text("python3\n")

    host = read_gpu_host({10, 11, 12}, tmp_path)

    assert (host.switches, host.memory_device) == (1, False)
    assert host.programs == {11: "python3", 12: "unknown program"}
