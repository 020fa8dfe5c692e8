"""Taking the appliance away leaves what docs/install.md says and nothing else; the data outlive it."""

import re
from pathlib import Path

import pytest

from tests.install.client import Client
from tests.install.playbook import changed_tasks, install

pytestmark = [pytest.mark.install, pytest.mark.full, pytest.mark.timeout(1800)]
ROOT = Path(__file__).resolve().parents[2]
TOPS = ("/etc/meeshy", "/opt/meeshy", "/var/lib/meeshy")


def told(heading: str) -> set[str]:
    """Return the paths that the documentation names under a heading."""
    section = (ROOT / "docs/install.md").read_text().split(f"## {heading}\n")[1].split("\n## ")[0]
    return set(re.findall(r"^\| `(/[^`]+)` \|", section, re.MULTILINE))


def ours(box) -> set[str]:
    """Return every path outside Debian's packages that has the appliance's name, without what lies below another."""
    found = {f"/{path}" for path in box.files() if "meeshy" in path}
    return {path for path in found if not any(path.startswith(f"{other}/") for other in found)}


def test_what_stays_is_what_the_documentation_says_and_the_data_serve_again(box, medium, network, installed, place):
    key = box.run("cat", "/var/lib/meeshy/data/first_key").stdout

    install(box, medium, "uninstall.yml")

    assert box.run("systemctl", "list-unit-files", "meeshy*", "--no-legend").stdout == ""
    assert "meeshy" not in box.run("nft", "list", "tables").stdout
    assert changed_tasks(install(box, medium, "uninstall.yml")) == []
    left = {path for top in TOPS for path in below(box, top)}
    assert left == {path for path in told("Taking it away") if path.startswith(tuple(f"{top}/" for top in TOPS))}
    assert ours(box) - set(TOPS) <= told("Taking it away")

    install(box, medium)
    assert box.run("cat", "/var/lib/meeshy/data/first_key").stdout == key
    client = Client(network, box, place)
    assert client.ask("translate", client.note, "fr")["state"] == "done"


def below(box, top: str) -> set[str]:
    return {f"{top}/{name}" for name in box.run("ls", top).stdout.split()}
