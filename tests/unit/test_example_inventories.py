"""Every example of an inventory names known groups, its own machines, and variables that a role has."""

from pathlib import Path

import pytest
import yaml

from appliance.pool.inventory import parse_inventory

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "ansible/inventories").iterdir())
GROUPS = {"database", "broker", "objectstore", "api", "workers"}
SHARED = {"meeshy_network"}


def variables() -> set[str]:
    specifications = (ROOT / "ansible/roles").glob("*/meta/argument_specs.yml")
    return SHARED.union(
        *(yaml.safe_load(path.read_text())["argument_specs"]["main"]["options"] for path in specifications)
    )


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_its_groups_are_those_of_the_playbooks_and_have_its_machines(example):
    document = yaml.safe_load((example / "hosts.yml").read_text())["all"]

    assert set(document["children"]) == GROUPS
    for group in document["children"].values():
        assert set(group["hosts"]) <= set(document["hosts"])
    assert [host for host in document["hosts"].values() if "meeshy_address" not in host] == []


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_what_it_sets_is_a_variable_of_a_role(example):
    known = variables()
    for path in (example / "group_vars").glob("*.yml"):
        assert set(yaml.safe_load(path.read_text()) or {}) <= known, path


def test_the_example_of_a_site_asks_for_what_is_optional():
    site = yaml.safe_load((ROOT / "ansible/inventories/example-site/group_vars/all.yml").read_text())
    cards = yaml.safe_load((ROOT / "ansible/inventories/example-site/group_vars/workers.yml").read_text())
    hosts = yaml.safe_load((ROOT / "ansible/inventories/example-site/hosts.yml").read_text())["all"]

    assert site["monitoring_host"] in hosts["children"]["api"]["hosts"]
    assert all(line.split()[0] == "ssh-ed25519" for line in site["console_keys"])
    (card,) = parse_inventory(cards["workers_inventory"]).device
    assert card.roles["whisper"].min == 4
