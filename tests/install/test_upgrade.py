"""From one release to the next with jobs flowing, and back. The tests follow each other on the same machine."""

import json

import pytest

from tests.install.client import Client
from tests.install.media import STICK, as_version, changed, checkout, make_medium, released, with_newer_schema
from tests.install.node import node
from tests.install.playbook import install, refused

pytestmark = [pytest.mark.install, pytest.mark.full, pytest.mark.timeout(2400)]
NOTE = "/var/lib/meeshy/install-state.json"
JOBS = 4
SILENT = {"appliance/api/app.py": (b'"""', b'raise SystemExit(1)\n"""')}
"""An API that does not start."""
WRONG = {
    "appliance/stages/synthesize.py": (b"SpeakRequest(text, self.work", b"SpeakRequest(text[::-1], self.work"),
}  # fmt: skip
"""A release that starts, has spoken, and says something else than it should."""


def following(patch):
    """Return a version after that of the release the drills begin with."""
    major, minor, *_ = released().version.split(".")
    return f"{major}.{int(minor) + 1}.{patch}"


@pytest.fixture(scope="module")
def sticks(place):
    """The folder that machines see as the stick, with one medium in each of its folders."""
    folder = place / "sticks"
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def bring(sticks):
    """Make a medium of a product on the stick."""

    def brought(name, product, **more):
        return make_medium(sticks / name, product, f"{STICK}/{name}", **more)

    return brought


@pytest.fixture(scope="module")
def old(archive, bring):
    return bring("old", released())


@pytest.fixture(scope="module")
def new(bring):
    """The checkout as the release after it, with a schema that the old one does not know."""
    return bring("new", with_newer_schema(as_version(checkout(), following(0))))


@pytest.fixture(scope="module")
def machine(archive, network, place, sticks, old):
    """A machine on which the old release is installed."""
    with node("upgraded", 30, network, archive, place, [f"{sticks}:{STICK}"]) as made:
        made.run("install", "-D", "--mode=0644", f"{old.inside}/bundle-keys", "/etc/meeshy/bundle-keys")
        install(made, old)
        yield made


@pytest.fixture
def client(network, machine, place):
    return Client(network, machine, place)


def noted(machine):
    return json.loads(machine.run("cat", NOTE).stdout)


def in_force(machine):
    return machine.run("readlink", "/opt/meeshy/current").stdout.strip().rpartition("/")[2]


def schema(machine):
    return json.loads(machine.run("meeshy", "migrate", "--json").stdout)["after"]


def test_a_bundle_past_a_required_stop_is_refused_and_nothing_is_changed(machine, bring):
    before = noted(machine)
    far = bring("far", as_version(checkout(), following(9)), required_stops=(following(5),))

    told = refused(machine, far)

    assert f"refused [bundle_upgrade_path] Upgrade from {before['version']} to {following(5)} first" in told.stderr
    assert (noted(machine), in_force(machine)) == (before, before["name"])
    assert machine.run("ls", "/opt/meeshy/incoming").stdout.split() == [before["name"], f"{before['name']}.pyz"]


@pytest.mark.parametrize(("name", "change", "said"), [
    ("silent", SILENT, "meeshy-api.service"),
    ("wrong", WRONG, "The note ended as"),
])  # fmt: skip
def test_a_broken_release_is_taken_back_and_no_job_is_lost(machine, client, bring, name, change, said):
    before = noted(machine)
    broken = bring(name, changed(with_newer_schema(as_version(checkout(), following(1))), change))
    jobs = client.ask("submit", client.note, JOBS)

    told = refused(machine, broken)

    assert said in told.stdout
    assert f"{before['name']} serves again" in told.stderr
    assert (noted(machine)["name"], in_force(machine)) == (before["name"], before["name"])
    assert client.ask("health")["version"] == before["version"]
    assert set(client.ask("follow", json.dumps(jobs)).values()) == {"done"}
    assert machine.run("systemctl", "--failed", "--no-legend").stdout == ""


def test_an_upgrade_under_flowing_jobs_loses_none(machine, client, new):
    before, known = noted(machine), schema(machine)

    with client.flowing() as taken:
        install(machine, new)

    after = noted(machine)
    assert (after["version"], after["previous"]) == (new.version, before["name"])
    assert in_force(machine) == after["name"]
    assert client.ask("health")["version"] == new.version
    assert schema(machine) > known or known == with_newer_schema(checkout()).migrations[-1]
    assert len(taken) > 5
    assert client.ask("repeat", client.note, json.dumps(taken)) == taken
    jobs = {each["user"]: each["job"] for each in taken.values()}
    assert set(client.ask("follow", json.dumps(jobs)).values()) == {"done"}
    assert machine.run("systemctl", "--failed", "--no-legend").stdout == ""
    kept = machine.run("ls", "/opt/meeshy/releases", "/opt/meeshy/control").stdout.split()
    assert {each for each in kept if each.startswith(tuple("0123456789"))} == {before["name"], after["name"]}


def test_the_release_before_is_put_back_by_one_command(machine, client, new):
    before = noted(machine)
    assert before["version"] == new.version
    jobs = client.ask("submit", client.note, JOBS)

    install_sh = "/opt/meeshy/current/product/installer/install.sh"
    machine.run("sh", install_sh, "rollback.yml", limit_s=1500)

    after = noted(machine)
    assert (after["name"], after["previous"]) == (before["previous"], "")
    assert in_force(machine) == after["name"]
    assert client.ask("health")["version"] == after["version"] == released().version
    assert set(client.ask("follow", json.dumps(jobs)).values()) == {"done"}
    assert client.ask("translate", client.note, "fr")["state"] == "done"
