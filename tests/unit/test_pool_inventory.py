"""The inventory file: what it may say, what is wrong with it, and whether it fits the memory that models take."""

import runpy
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.catalog.catalog import Catalog
from appliance.errors import CommandFailed
from appliance.pool.budget import process_bytes
from appliance.pool.inventory import GIB, parse_inventory, read_inventory
from appliance.pool.layout import lay_out
from appliance.pool.process import environment_for
from installer.target.gpus import WantedGpu, parse_wanted
from tests.unit.one_card import CARD

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "installer/inventories"


@pytest.fixture(scope="module")
def catalog():
    return Catalog.load()


def shipped(name, catalog, preset="production"):
    return lay_out(read_inventory(SHIPPED / name), catalog, preset, name)


def everything_fits(place):
    return place.holds(*place.takes({role: shape.most for role, shape in place.shapes.items()}))


def test_nodes_1_and_2_hold_four_slots_of_whisper_in_one_process_and_two_voices_at_once(catalog):
    (card,) = shipped("node-1-and-2.toml", catalog)
    whisper, voice = card.shapes["whisper"], card.shapes["voice"]
    assert (whisper.least, whisper.most, whisper.slots) == (1, 1, 4)
    assert (voice.most, voice.slots) == (2, 1)
    assert everything_fits(card)


def test_node_3_holds_six_voices_at_once(catalog):
    (card,) = shipped("node-3.toml", catalog)
    assert (card.shapes["voice"].most, card.shapes["voice"].slots) == (6, 1)
    assert everything_fits(card)


def test_the_inventory_for_a_host_without_a_gpu_fits_the_starter_models(catalog):
    (cpu,) = shipped("cpu.toml", catalog, preset="starter")
    assert cpu.gpu is None
    assert everything_fits(cpu)


def test_every_shipped_inventory_is_one_of_these_tests():
    assert {file.name for file in SHIPPED.iterdir()} == {"node-1-and-2.toml", "node-3.toml", "cpu.toml"}


def test_an_inventory_that_does_not_fit_is_refused_with_the_numbers(catalog):
    text = (SHIPPED / "node-3.toml").read_text().replace("max = 6", "max = 9")
    each = process_bytes(catalog, "production", "voice", slots=1, on_gpu=True) / GIB
    with pytest.raises(CommandFailed) as refused:
        lay_out(parse_inventory(text), catalog, "production", "node-3.toml")
    for number in ("node-3.toml", "card-0", "36.0 GiB", f"9 x voice of 1 slots and {each:.1f} GiB", f"{9 * each:.1f}"):
        assert number in refused.value.detail


def test_minimums_that_do_not_fit_together_are_refused(catalog):
    text = CARD.replace("max = 4", "min = 4\nmax = 4") + "[device.roles.voice]\nmin = 6\nmax = 6\n"
    with pytest.raises(CommandFailed, match=r"1 x whisper of 4 slots .* \+ 6 x voice"):
        lay_out(parse_inventory(text), catalog, "production")


def test_more_slots_than_the_device_has_are_refused_with_the_numbers(catalog):
    text = CARD.replace("memory_gib = 40", "memory_gib = 40\nslots = 3")
    with pytest.raises(CommandFailed, match=r"card-0 has 3 slots: 1 x whisper of 4 slots .* are 4"):
        lay_out(parse_inventory(text), catalog, "production")


def test_slots_of_one_process_share_its_weights(catalog):
    one, four = (process_bytes(catalog, "production", "whisper", slots=n, on_gpu=True) for n in (1, 4))
    weights = next(m.memory_bytes for m in catalog.of_set("production", task="transcription"))
    assert four < 4 * one - 3 * weights + 1
    assert four > one + weights


def test_a_site_that_measured_a_slot_is_believed(catalog):
    measured = CARD.replace("max = 4", "max = 4\nslot_gib = 6.5")
    (reckoned,), (believed,) = (lay_out(parse_inventory(text), catalog, "production") for text in (CARD, measured))
    assert believed.shapes["whisper"].memory_bytes - reckoned.shapes["whisper"].memory_bytes == 4 * 3.5 * GIB


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[device]\n", "is not valid TOML"),
        ("", "`device`"),
        (CARD.replace("memory_gib = 40", 'memory_gib = "40"'), r"device\[0\].memory_gib: Expected `float`"),
        (CARD.replace("memory_gib = 40", "memory_gib = 0"), r"device\[0\].memory_gib"),
        (CARD.replace("memory_gib", "memory_gb"), r"memory_gb"),
        (CARD.replace("max = 4", "max = 0"), r"max"),
        (CARD.replace("max = 4", "min = 5\nmax = 4"), "card-0: roles.whisper.min: 5 is more than max, 4"),
        (CARD.replace("roles.whisper", "roles.wisper"), "roles.wisper is no role; there are: all, whisper, voice"),
        (CARD.replace("max = 4", "max = 4\nslots_per_process = 3"), "4 is no multiple of slots_per_process, 3"),
        (
            CARD.replace("whisper]\nmax = 4", "voice]\nmax = 4\nslots_per_process = 2"),
            "roles.voice.slots_per_process: each slot that speaks is a process",
        ),
        (CARD + CARD, "two devices have the name 'card-0'"),
        (CARD + CARD.replace("card-0", "card-1"), "two devices have the gpu 0"),
        (CARD.replace("gpu = 0", 'gpu = "GPU-1"'), r"device\[0\].gpu"),
        (CARD.replace("gpu = 0", 'gpu = "MIG-"'), r"device\[0\].gpu"),
        (CARD.replace("gpu = 0", "gpu = -1"), r"device\[0\].gpu"),
        ("[rules]\nbacklog = -1\n" + CARD, r"rules.backlog"),
        ("[rules]\nspeed = 1\n" + CARD, r"speed"),
    ],
)
def test_a_mistake_is_told_with_file_key_and_reason(text, told):
    with pytest.raises(CommandFailed, match=told) as refused:
        parse_inventory(text, "site.toml")
    assert refused.value.detail.startswith("site.toml")


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(CommandFailed, match=r"absent\.toml cannot be read"):
        read_inventory(tmp_path / "absent.toml")


INSTANCE = "MIG-41b3359c-e721-56e5-8009-12e5797ed514"


@pytest.mark.parametrize("name", [INSTANCE, "MIG-GPU-b8ea3855-276c-c9cb-b366-c6fa655957c5/1/0"])
def test_a_device_may_be_a_mig_instance_and_its_workers_see_that_one_alone(catalog, name):
    text = CARD.replace("gpu = 0", f'gpu = "{name}"').replace("memory_gib = 40", "memory_gib = 20")
    (place,) = lay_out(parse_inventory(text), catalog, "production")
    (whole,) = lay_out(parse_inventory(CARD), catalog, "production")
    assert place.gpu == name
    assert place.shapes == whole.shapes

    environment = environment_for(place, "whisper", {"KEPT": "1"})
    assert environment["CUDA_VISIBLE_DEVICES"] == name
    assert (environment["MEESHY_DEVICE"], environment["KEPT"]) == ("cuda", "1")


def test_workers_of_a_whole_card_count_cards_as_the_inventory_does(catalog):
    (place,) = lay_out(parse_inventory(CARD.replace("gpu = 0", "gpu = 3")), catalog, "production")
    environment = environment_for(place, "whisper", {})
    assert (environment["CUDA_VISIBLE_DEVICES"], environment["CUDA_DEVICE_ORDER"]) == ("3", "PCI_BUS_ID")


def test_both_of_the_shipped_inventories_hold_on_the_instances_of_a_card_that_was_cut(catalog):
    for name in ("node-1-and-2.toml", "node-3.toml"):
        text = (SHIPPED / name).read_text().replace("gpu = 0", f'gpu = "{INSTANCE}"')
        assert lay_out(parse_inventory(text), catalog, "production") == tuple(
            replace(place, gpu=INSTANCE) for place in shipped(name, catalog)
        )


def test_preflight_is_told_the_gpus_of_an_inventory():
    text = CARD + CARD.replace("card-0", "card-1").replace("gpu = 0", f'gpu = "{INSTANCE}"')
    pool_gpus = runpy.run_path(str(ROOT / "ansible/plugins/filter/pool_gpus.py"))["pool_gpus"]
    assert pool_gpus(text) == f"0=40,{INSTANCE}=40"
    assert pool_gpus((SHIPPED / "cpu.toml").read_text()) == pool_gpus("") == "none"
    assert parse_wanted(pool_gpus(text)) == (WantedGpu(0, 40), WantedGpu(INSTANCE, 40))
