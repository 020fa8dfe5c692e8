"""docs/install.md has every variable of every role as its argument specification says it, and each default is one."""

import re
from pathlib import Path

import pytest
import yaml

from installer.target import gpus, machine, preflight

ROOT = Path(__file__).resolve().parents[2]
ROLES = ROOT / "ansible" / "roles"
TEXT = (ROOT / "docs/install.md").read_text()
NAMES = sorted(path.name for path in ROLES.iterdir())


def options(role: str) -> dict[str, dict]:
    return yaml.safe_load((ROLES / role / "meta/argument_specs.yml").read_text())["argument_specs"]["main"]["options"]


def defaults(role: str) -> dict[str, object]:
    return yaml.safe_load((ROLES / role / "defaults/main.yml").read_text())


def told(value: object) -> str:
    """Return a default as the tables show it."""
    if isinstance(value, str) and "{{" in value:
        return "generated" if "meeshy_secret_" in value else "reckoned"
    if value in ("", [], {}):
        return "empty"
    text = value if isinstance(value, str) else yaml.safe_dump(value, default_flow_style=True, width=1000)
    return f"`{text.removesuffix(chr(10)).removesuffix(chr(10) + '...')}`"


def rows(role: str) -> list[str]:
    """Return the lines of a role's table."""
    return [
        f"| `{name}` | {told(defaults(role)[name])} | {each['description']} |" for name, each in options(role).items()
    ]


@pytest.mark.parametrize("role", NAMES)
def test_the_table_of_a_role_is_its_argument_specification(role):
    section = TEXT.split(f"### Role {role}\n")[1].split("\n#")[0]

    assert re.findall(r"^\| `.+\|$", section, re.MULTILINE) == rows(role)


@pytest.mark.parametrize("role", NAMES)
def test_every_variable_is_specified_has_a_default_and_the_role_s_name(role):
    assert set(defaults(role)) == set(options(role))
    assert all(name.startswith(f"{role}_") for name in options(role))


def test_every_role_is_told_and_none_else():
    assert re.findall(r"^### Role (\w+)$", TEXT, re.MULTILINE) == NAMES


def test_what_an_inventory_and_a_command_line_say_beside_is_told():
    playbooks = "".join(path.read_text() for path in (ROOT / "ansible").glob("*.yml"))
    shared = (ROOT / "ansible/group_vars/all.yml").read_text()
    hosts = [yaml.safe_load(path.read_text()) for path in (ROOT / "ansible/inventories").glob("*/hosts.yml")]
    named = {name for each in hosts for host in each["all"]["hosts"].values() for name in host}
    named |= {*re.findall(r"(\w+) \| default\(", playbooks), *re.findall(r"if (\w+) is defined", shared)}
    section = TEXT.split("### Of the inventory and the command line\n")[1].split("\n#")[0]

    assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == named


def test_every_secret_stays_out_of_the_log():
    for role in NAMES:
        for name, each in options(role).items():
            if re.search(r"password|secret|_key$", name):
                assert each.get("no_log"), name


def test_every_check_of_preflight_is_explained():
    code = "".join(Path(each.__file__).read_text() for each in (preflight, machine, gpus))
    tasks = "".join(path.read_text() for path in (ROLES / "preflight").rglob("*.yml"))
    checks = {*re.findall(r'Finding\("(\w+)"', code), *re.findall(r"'(\w+)' not in preflight_waived", tasks)}

    assert set(re.findall(r"^\| `(\w+)` \| (?:stops|note) \|", TEXT, re.MULTILINE)) == checks


def test_what_needs_no_medium_is_called_without_one_in_one_form():
    calls = re.findall(r"^(?:ExecStart=/bin/)?sh (\S*install\.sh)( \S+\.bundle)?(?: (\w+\.yml))?", TEXT, re.MULTILINE)
    books = {book for *_, book in calls if book}

    assert {script for script, bundle, _ in calls if not bundle} == {"/opt/meeshy/current/product/installer/install.sh"}
    assert {book for _, bundle, book in calls if bundle} == {"", "preflight.yml", "add_node.yml"}
    told = books | {"upgrade.yml"}  # install.sh calls it
    parts = {"reach.yml", "release.yml"}  # others take them in
    assert told | parts == {path.name for path in (ROOT / "ansible").glob("*.yml")}
