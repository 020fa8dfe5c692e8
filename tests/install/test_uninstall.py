"""Taking the appliance away leaves what docs/install.md says and nothing else; the data outlive it."""

import os
import re
import tarfile
from pathlib import Path

import pytest

from tests.install.client import Client
from tests.install.playbook import changed_tasks, install

pytestmark = [pytest.mark.install, pytest.mark.full, pytest.mark.timeout(1800)]
ROOT = Path(__file__).resolve().parents[2]
TOPS = ("/etc/meeshy", "/opt/meeshy", "/var/lib/meeshy")
ELSEWHERE = {"/var/lib/meeshy/objectstore"}
"""Of the documented places those that one machine with a folder of objects has not."""
GONE_ONLY_BY_HAND = {"/etc/meeshy/bundle-keys", "/etc/meeshy/inventory", "/opt/meeshy/control", "/opt/meeshy/incoming"}

OF_OTHERS = re.compile(
    # What Debian's packages make beside what they bring,
    r"/etc/(alternatives|ca-certificates\.conf|default/locale|locale\.gen|localtime|timezone|rc[0-9S]\.d|ssl)\b"
    r"|/etc/(apt/apt\.conf\.d/02autoremove|nginx/modules-enabled|postgresql-common|postgresql/15$)"
    r"|/etc/systemd/system/\w[\w-]+\.target\.wants/(postgresql\.service|logrotate\.timer)$"
    r"|/usr/(lib/python3|local/share/ca-certificates$|share/)"
    r"|/var/(cache|www)\b|/var/log/(apt|alternatives|dpkg|redis|nginx/(access|error)\.)"
    r"|/var/lib/(dpkg|dbus|nginx|redis|systemd|ucf)\b|/var/lib/postgresql/15$"
    # what the machine makes by running, what makes it a machine of the drill,
    r"|/var/(log/journal|tmp)\b|/etc/(hosts|networks)$|/etc/systemd/network/|/media/"
    r"|/etc/systemd/system/multi-user\.target\.wants/systemd-networkd\.service$"
    # and Ansible's own folder, in which it works even while this is asked.
    r"|/root/\.ansible\b"
)


def told(heading: str) -> set[str]:
    """Return the paths that the documentation names under a heading."""
    section = (ROOT / "docs/install.md").read_text().split(f"## {heading}\n")[1].split("\n## ")[0]
    return set(re.findall(r"^\| `(/[^`]+)` \|", section, re.MULTILINE))


def came(box, archive: Path) -> set[str]:
    """Return every path that the machine had not before and no package of Debian's brings or makes."""
    with tarfile.open(archive) as before:
        there = {os.path.normpath(name) for name in before.getnames()}
    lists = (box.root / "var/lib/dpkg/info").glob("*.list")
    debian = {path[1:] for each in lists for path in each.read_text().splitlines()}
    debian |= {f"usr/{path}" for path in debian}  # /lib and its like are links
    new = {f"/{path}" for path in box.files().keys() - there - debian}
    return {path for path in new if "meeshy" in path or not OF_OTHERS.match(path)}


def below(box, top: str) -> set[str]:
    return {f"{top}/{name}" for name in box.run("ls", top).stdout.split()}


def test_what_stays_is_what_the_documentation_says(box, archive, medium, installed):
    install(box, medium, "uninstall.yml")

    # It ends with 1 where it finds none.
    assert box.run("systemctl", "list-unit-files", "meeshy*", "--no-legend", check=False).stdout == ""
    assert "meeshy" not in box.run("nft", "list", "tables").stdout
    listening = box.run("ss", "--tcp", "--listening", "--numeric", "--no-header").stdout.splitlines()
    assert {row.split()[3] for row in listening} == {"0.0.0.0:22", "[::]:22"}
    assert changed_tasks(install(box, medium, "uninstall.yml")) == []
    documented = told("Taking it away")
    left = {path for top in TOPS for path in below(box, top)}
    assert left == {path for path in documented if path.rpartition("/")[0] in TOPS} - ELSEWHERE
    stays = tuple(f"{each}/" for each in (*documented, *TOPS))
    assert {path for path in came(box, archive) if not f"{path}/".startswith(stays)} == set()


def test_the_data_serve_an_installation_afterwards(box, medium, network, place):
    key = box.run("cat", "/var/lib/meeshy/data/first_key").stdout

    install(box, medium)

    assert box.run("cat", "/var/lib/meeshy/data/first_key").stdout == key
    client = Client(network, box, place)
    assert client.ask("translate", client.note, "fr")["state"] == "done"


def test_data_go_only_where_the_version_is_typed(box, medium):
    before = box.files()

    refused = box.run("sh", medium.script, medium.bundle, "uninstall.yml", "-e", "removal_data=true", check=False,
                      limit_s=600)  # fmt: skip

    assert refused.returncode != 0
    assert f"-e removal_data={medium.version}" in refused.stdout
    assert [path for path in before.keys() - box.files().keys() if path.startswith("etc/")] == []
    assert box.run("systemctl", "is-active", "meeshy-api").stdout == "active\n"


def test_with_the_version_typed_nothing_of_the_data_stays(box, medium):
    install(box, medium, "uninstall.yml", "-e", f"removal_data={medium.version}")

    assert {path for top in TOPS if (box.root / top[1:]).exists() for path in below(box, top)} == GONE_ONLY_BY_HAND
    assert not (box.root / "var/lib/postgresql/15/meeshy").exists()
    assert box.run("getent", "passwd", "meeshy", check=False).stdout == ""


def test_packages_that_stayed_are_told_and_may_be_given_up(box, medium, network, place):
    refused = box.run("sh", medium.script, medium.bundle, check=False, limit_s=600)
    assert "STOP [others] Redis, nginx" in refused.stdout

    install(box, medium, "-e", '{"preflight_waived": ["others"]}')

    client = Client(network, box, place)
    assert client.ask("translate", client.note, "fr")["state"] == "done"
