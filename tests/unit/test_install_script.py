"""install.sh decides which playbook of which release runs, and puts a release back.

The script is the real one with its places moved below a folder, and so is what judges bundles. In the place of Ansible
is a script that notes its calls.
"""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from appliance.testing.small_bundle import FILES, SmallKey, small_bundle
from installer.bundle.parts import SMALLEST_BYTES, split
from tests.services import missing, tool

ROOT = Path(__file__).resolve().parents[2]
KEY = SmallKey()
PLACES = ("/opt/meeshy", "/etc/meeshy", "/var/lib/meeshy", "/var/log/meeshy", "/run/meeshy-install.lock")
JUDGE = """
import pathlib, shutil, sys
root = pathlib.Path({root!r})
sys.path.insert(0, {checkout!r})
from installer.__main__ import main
words, site = sys.argv[1:], ["--keys", str(root / "etc/meeshy/bundle-keys")]
if words[0] == "environment":
    play = pathlib.Path(words[words.index("--to") + 1], "bin/ansible-playbook")
    play.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(root / "ansible-playbook", play)
elif words[0] == "inspect":
    sys.exit(main([*words, *site]))
elif words[0] in ("verify", "unpack"):
    sys.exit(main([*words, *site, "--installed", str(root / "var/lib/meeshy/install-state.json"), "--any-machine"]))
"""
"""What judges bundles, for any machine; the environment that it would make holds the script below alone."""
PLAYBOOK = """#!/usr/bin/python3
import json, os, pathlib, sys
root = pathlib.Path({root!r})
name, book = pathlib.Path(__file__).parents[1].name, sys.argv[3]
given = dict(word.split("=", 1) for each in sys.argv[1:] if "=" in each for word in each.split())
told = json.loads(pathlib.Path(sys.argv[5][1:]).read_text())
assert told["meeshy_name"] == name and os.getcwd().endswith(name + "/product/ansible"), (told, os.getcwd())
with (root / "calls").open("a") as calls:
    calls.write(json.dumps([name, book, given]) + "\\n")
begun, plan = root / "etc/meeshy/site/upgrade-begun", json.loads((root / "plan").read_text())
if book == "upgrade.yml" and plan.get("begins", True):
    begun.write_text(given["meeshy_installed"] + "\\n")
if book in plan.get("fail", ()):
    sys.exit(2)
if book in ("install.yml", "upgrade.yml"):
    note = root / "var/lib/meeshy/install-state.json"
    note.parent.mkdir(parents=True, exist_ok=True)
    release = {{"name": name, "version": told["meeshy_version"], "built_s": int(told["meeshy_built_s"])}}
    note.write_text(json.dumps(release | {{"previous": given["meeshy_previous"]}}))
    begun.unlink(missing_ok=True)
"""


class Site:
    """A machine's places below a folder, with bundles and what was called."""

    def __init__(self, root: Path) -> None:
        self.root = root
        script = (ROOT / "installer/install.sh").read_text()
        for place in PLACES:
            script = script.replace(place, f"{root}{place}")
        (root / "run").mkdir()
        (root / "install.sh").write_text(script)
        (root / "meeshy-installer-1.pyz").write_text(JUDGE.format(root=str(root), checkout=str(ROOT)))
        (root / "ansible-playbook").write_text(PLAYBOOK.format(root=str(root)))
        (root / "ansible-playbook").chmod(0o755)
        (root / "etc/meeshy").mkdir(parents=True)
        (root / "etc/meeshy/bundle-keys").write_text(KEY.trusted.line())
        self.plan()

    def plan(self, **plan: object) -> None:
        """Say which playbooks fail, and whether an upgrade begins before it does."""
        (self.root / "plan").write_text(json.dumps(plan))

    def bundle(self, version: str, **about: object) -> Path:
        files = FILES | {
            "product/ansible/inventories/example-single/hosts.yml": b"all:\n",
            "product/ansible/inventories/example-multi/hosts.yml": b"all: several\n",
            "product/v": version.encode(),
        }
        small_bundle(self.root / f"{version}.bundle", KEY, files, version=version, **about)
        return self.root / f"{version}.bundle"

    def call(self, *words: object) -> subprocess.CompletedProcess[str]:
        (self.root / "calls").write_text("")
        environment = {"PATH": os.environ["PATH"]}
        command = ["sh", self.root / "install.sh", *map(str, words)]
        return subprocess.run(command, check=False, capture_output=True, text=True, env=environment, cwd=self.root)

    def documented(self, heading: str, only: str = "") -> None:
        """Run the first commands of docs/install.md below a text, or those of their lines that match."""
        words = (ROOT / "docs/install.md").read_text().split(heading)[1].split("```sh\n")[1].split("```")[0]
        for place in PLACES:
            words = words.replace(place, f"{self.root}{place}")
        lines = [line for line in words.splitlines() if re.match(only, line)]
        subprocess.run(["sh", "-euc", "\n".join(lines)], check=True, cwd=self.root)

    def installed(self, version: str) -> str:
        """Install a version, and return the name of its release."""
        told = self.call(self.bundle(version))
        assert told.returncode == 0, told.stderr
        return self.note()["name"]

    def note(self) -> dict[str, str]:
        return json.loads((self.root / "var/lib/meeshy/install-state.json").read_text())

    def given(self) -> dict[str, str]:
        """Return the variables of the last call."""
        return json.loads((self.root / "calls").read_text().splitlines()[-1])[2]

    def calls(self) -> list[tuple[str, str]]:
        """Return release and playbook of each call, in order."""
        return [tuple(json.loads(line)[:2]) for line in (self.root / "calls").read_text().splitlines()]


@pytest.fixture
def site(tmp_path):
    if os.geteuid() != 0:
        missing("install.sh has to be called as root")
    tool("flock", "Debian: util-linux")
    return Site(tmp_path)


def test_a_first_installation_and_the_same_again(site):
    name = site.installed("0.1.0")
    assert site.calls() == [(name, "install.yml")]

    site.installed("0.1.0")

    assert site.calls() == [(name, "install.yml")]
    assert site.note()["previous"] == ""
    for secret in ("inventory/hosts.yml", "site/runs", "site/secrets"):
        assert (site.root / "etc/meeshy" / secret).stat().st_mode & 0o077 == 0


def test_another_release_is_an_upgrade_and_the_one_before_is_noted(site):
    old = site.installed("0.1.0")

    new = site.installed("0.2.0")

    assert site.calls() == [(new, "upgrade.yml")]
    assert (site.note()["name"], site.note()["previous"]) == (new, old)
    site.call(site.root / "0.2.0.bundle")
    assert site.note()["previous"] == old


def test_an_upgrade_that_was_refused_changes_nothing(site):
    old = site.installed("0.1.0")
    site.plan(fail=["upgrade.yml"], begins=False)

    told = site.call(site.bundle("0.2.0"))

    assert told.returncode == 1
    assert f"was refused before anything was changed; {old} serves as before" in told.stderr
    assert [book for _, book in site.calls()] == ["upgrade.yml"]


def test_an_upgrade_that_failed_is_taken_back_by_the_old_release_itself(site):
    old = site.installed("0.1.0")
    site.plan(fail=["upgrade.yml"])

    told = site.call(site.bundle("0.2.0"))

    assert told.returncode == 1
    assert f"was taken back, {old} serves again" in told.stderr
    (new, first), (asked, second), put_back = site.calls()
    assert (new, first, asked, second) == (asked, "upgrade.yml", new, "rollback.yml")
    assert put_back == (old, "install.yml")
    assert site.given() == {"meeshy_installed": old, "meeshy_previous": ""}, "it is not judged anew"
    assert (site.note()["name"], site.note()["previous"]) == (old, "")
    assert not (site.root / "etc/meeshy/site/upgrade-begun").exists()


def test_what_was_put_back_can_still_go_back_to_the_release_before_it(site):
    oldest, old = site.installed("0.1.0"), site.installed("0.2.0")
    site.plan(fail=["upgrade.yml"])
    site.call(site.bundle("0.3.0"))
    assert (site.note()["name"], site.note()["previous"]) == (old, oldest)
    site.plan()

    assert site.call("rollback.yml").returncode == 0

    assert (site.note()["name"], site.note()["previous"]) == (oldest, "")


def test_what_a_cut_off_upgrade_went_back_to_can_still_go_back(site):
    oldest, old = site.installed("0.1.0"), site.installed("0.2.0")
    site.plan(fail=["upgrade.yml", "rollback.yml"])
    site.call(site.bundle("0.3.0"))
    site.plan()

    assert site.call("rollback.yml").returncode == 0
    assert (site.note()["name"], site.note()["previous"]) == (old, oldest)
    assert site.call("rollback.yml").returncode == 0
    assert site.note()["name"] == oldest


def test_a_release_that_cannot_be_put_back_is_said_so(site):
    site.installed("0.1.0")
    site.plan(fail=["upgrade.yml", "rollback.yml"])

    told = site.call(site.bundle("0.2.0"))

    assert told.returncode == 1
    assert "cannot be put back; the text above says why" in told.stderr


def test_a_cut_off_upgrade_is_told_and_either_goes_on_or_back(site):
    old = site.installed("0.1.0")
    new_bundle = site.bundle("0.2.0")
    site.plan(fail=["upgrade.yml", "rollback.yml"])
    site.call(new_bundle)
    site.plan()

    back = site.call("rollback.yml")
    assert back.returncode == 0, back.stderr
    assert f"an upgrade from {old} was cut off" in back.stderr
    assert site.calls() == [(old, "rollback.yml"), (old, "install.yml")]

    assert site.call(new_bundle).returncode == 0
    assert site.note()["version"] == "0.2.0"


def test_no_other_playbook_brings_another_release(site):
    old, newer = site.installed("0.1.0"), site.bundle("0.2.0")

    told = site.call(newer, "rotate_certs.yml")

    assert told.returncode == 1
    assert f"{old} is installed: upgrade to 0.2.0-" in told.stderr
    assert not list((site.root / "opt/meeshy/incoming").glob("0.2.0*"))


@pytest.mark.parametrize("look", ["--check", "-C", "-CD", "-DC"])
def test_a_look_at_an_upgrade_takes_nothing_back(site, look):
    old, newer = site.installed("0.1.0"), site.bundle("0.2.0")
    site.plan(fail=["upgrade.yml", "rollback.yml"])
    site.call(newer)

    told = site.call(newer, look)

    assert told.returncode == 1
    assert "ended early; nothing was changed" in told.stderr
    assert [book for _, book in site.calls()] == ["upgrade.yml"]
    assert site.note()["name"] == old


def test_one_command_goes_back_to_the_release_before_and_no_further(site):
    old, new = site.installed("0.1.0"), site.installed("0.2.0")

    assert site.call("rollback.yml").returncode == 0
    assert site.calls() == [(new, "rollback.yml"), (old, "install.yml")]

    told = site.call("rollback.yml")
    assert told.returncode == 1
    assert "there is nothing to go back to" in told.stderr


def test_a_roll_back_that_was_to_be_looked_at_is_not_made(site):
    site.installed("0.1.0")
    new = site.installed("0.2.0")

    for words in (["rollback.yml"], [site.root / "0.2.0.bundle", "rollback.yml"]):
        told = site.call(*words, "--check")

        assert told.returncode == 1
        assert "rollback.yml takes no options; nothing was changed" in told.stderr
    assert site.calls() == []
    assert site.note()["name"] == new


def test_a_part_of_a_bundle_is_told_to_be_joined_first(site):
    part, *_ = split(site.bundle("0.1.0"), site.root / "sticks", SMALLEST_BYTES)

    told = site.call(part)

    assert told.returncode == 1
    assert "is a part of a bundle: join all parts first" in told.stderr
    assert not (site.root / "opt/meeshy").exists()


def test_the_documented_words_take_the_inventory_of_several_machines_first(site):
    site.bundle("0.1.0").rename(site.root / "meeshy-appliance-0.1.0.bundle")

    site.documented("**2. Take the inventory**", "mkdir|tar")

    assert site.call("meeshy-appliance-0.1.0.bundle").returncode == 0
    assert [path.name for path in (site.root / "etc/meeshy/inventory").iterdir()] == ["hosts.yml"]
    assert (site.root / "etc/meeshy/inventory/hosts.yml").read_text() == "all: several\n"


def test_an_inventory_inside_another_one_is_refused(site):
    site.installed("0.1.0")
    nested = site.root / "etc/meeshy/inventory/example-multi"
    nested.mkdir()
    (nested / "hosts.yml").touch()

    told = site.call(site.root / "0.1.0.bundle")

    assert told.returncode == 1
    assert f"{nested}/hosts.yml lies inside another inventory" in told.stderr
    assert site.calls() == []


def test_any_playbook_runs_with_what_is_installed(site):
    assert "nothing is installed here" in site.call("verify.yml").stderr
    name = site.installed("0.1.0")

    assert site.call("verify.yml", "-v").returncode == 0
    assert site.calls() == [(name, "verify.yml")]


def test_a_required_stop_and_an_older_bundle_are_refused(site):
    site.installed("0.2.0")

    assert "refused [bundle_upgrade_path]" in site.call(site.bundle("0.4.0", required_stops=("0.3.0",))).stderr
    assert "refused [bundle_older]" in site.call(site.bundle("0.1.0")).stderr
    assert site.calls() == []


def test_an_unpacked_folder_that_something_was_added_to_is_unpacked_anew(site):
    name = site.installed("0.1.0")
    added = site.root / "opt/meeshy/incoming" / name / "product/added"
    added.touch()

    assert site.call(site.root / "0.1.0.bundle").returncode == 0
    assert not added.exists()


def test_after_a_removal_another_release_is_a_first_installation(site):
    site.installed("0.1.0")
    note = site.note()
    (site.root / "var/lib/meeshy/install-state.json").write_text(
        json.dumps({k: note[k] for k in ("version", "built_s")})
    )

    site.installed("0.2.0")

    assert [book for _, book in site.calls()] == ["install.yml"]


def test_a_damaged_note_stops_everything(site):
    site.installed("0.1.0")
    (site.root / "var/lib/meeshy/install-state.json").write_text("{")

    told = site.call(site.root / "0.1.0.bundle")

    assert told.returncode == 1
    assert "is damaged: docs/install.md says how to write it anew" in told.stderr


def test_the_documented_words_write_a_damaged_note_anew(site):
    name = site.installed("0.1.0")
    before = site.note()
    (site.root / "opt/meeshy/current").symlink_to(f"/opt/meeshy/releases/{name}")
    (site.root / "var/lib/meeshy/install-state.json").write_text("{")

    site.documented("### The note of what is installed")

    assert site.note() == before
    assert site.call("verify.yml").returncode == 0
