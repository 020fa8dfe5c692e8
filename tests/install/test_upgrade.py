"""From one release to the next with jobs flowing, and back. The tests follow each other on the same machine.

Each brings migrations of its own, so that none of them finds the schema as it leaves it.
"""

import json
import shutil
import subprocess

import pytest

from appliance.catalog.catalog import CHECKOUT
from tests.install.client import Client
from tests.install.media import STICK, as_version, changed, checkout, make_medium, released, with_newer_schema
from tests.install.node import node
from tests.install.playbook import install, refused
from tests.services import tool

pytestmark = [pytest.mark.install, pytest.mark.full, pytest.mark.timeout(2400)]
NOTE = "/var/lib/meeshy/install-state.json"
BACKUPS = "var/backups/meeshy"
PLACES = ("/opt/meeshy/incoming", "/opt/meeshy/control", "/opt/meeshy/releases")
JOBS = 4
SILENT = {
    "appliance/api/app.py": (b"def create_app(", b"def create_app(_):\n    raise SystemExit(1)\n\n\ndef unused("),
}  # fmt: skip
"""An API that does not start; other commands of the release import its module too."""
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
def recipient(place):
    """Whom the backups before upgrades are for; nobody reads them here."""
    file = place / "upgrade-backup.key"
    subprocess.run([tool("age-keygen", "Debian: age"), "-o", file], check=True, capture_output=True)
    return subprocess.run(["age-keygen", "-y", file], check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def machine(archive, network, place, sticks, old, recipient):
    """A machine on which the old release is installed; its speed is not measured, which takes a minute."""
    with node("upgraded", 30, network, archive, place, [f"{sticks}:{STICK}"]) as made:
        made.run("install", "-D", "--mode=0644", f"{old.inside}/bundle-keys", "/etc/meeshy/bundle-keys")
        inventory = made.root / "etc/meeshy/inventory"
        shutil.copytree(CHECKOUT / "ansible/inventories/example-single", inventory)
        with (inventory / "group_vars/all.yml").open("a") as settings:
            settings.write("commission_wanted: false\n")
        (made.root / "etc/meeshy/backup-recipients").write_text(recipient)
        install(made, old)
        yield made


@pytest.fixture
def client(network, machine, place):
    return Client(network, machine, place)


def with_schema(product, revision):
    """Return a product with as many migrations more as lead to this one."""
    while product.migrations[-1] < revision:
        product = with_newer_schema(product)
    return product


def leave_a_release(machine, name):
    """Have what a release would have left that was in force before the last two."""
    for place in PLACES:
        (machine.root / place[1:] / name).mkdir()


def assert_none_is_lost(client, taken):
    """Every note that was taken was spoken, and under its key it is the same one still."""
    assert len(taken) > 5
    assert client.ask("repeat", client.note, json.dumps(taken)) == taken
    jobs = {each["user"]: each["job"] for each in taken.values()}
    assert set(client.ask("follow", json.dumps(jobs)).values()) == {"done"}


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

    assert "refused [bundle_upgrade_path]" in told.stderr
    assert f"Upgrade from {before['version']} to {following(5)} first, then to {far.version}." in told.stderr
    assert (noted(machine), in_force(machine)) == (before, before["name"])
    assert machine.run("ls", "/opt/meeshy/incoming").stdout.split() == [before["name"], f"{before['name']}.pyz"]


def test_a_bundle_that_could_not_be_taken_back_is_refused_and_nothing_is_changed(machine, bring):
    before = noted(machine)
    last = checkout().migrations[-1]
    closed = bring("closed", with_newer_schema(as_version(checkout(), following(9)), readable_by=last))

    told = refused(machine, closed)

    knows = released().migrations[-1]
    said = f"need code that knows {last}, and the release in force knows {knows}: it could not be put back."
    assert said in " ".join(told.stdout.split())
    assert f"was refused before anything was changed; {before['name']} serves as before" in told.stderr
    assert (noted(machine), in_force(machine), schema(machine)) == (before, before["name"], knows)
    assert not (machine.root / BACKUPS).exists()


def test_an_upgrade_under_flowing_jobs_loses_none(machine, client, new):
    before, schema_before = noted(machine), schema(machine)
    assert schema_before == released().migrations[-1]
    leave_a_release(machine, "0.0.1-leftover")

    with client.flowing() as taken:
        install(machine, new)

    after = noted(machine)
    assert (after["version"], after["previous"]) == (new.version, before["name"])
    assert in_force(machine) == after["name"]
    assert client.ask("health")["version"] == new.version
    assert schema(machine) == with_newer_schema(checkout()).migrations[-1]
    assert_none_is_lost(client, taken)
    (backup,) = (machine.root / BACKUPS).iterdir()
    manifest = json.loads((backup / "manifest.json").read_text())
    assert (manifest["version"], manifest["schema"]) == (before["version"], schema_before)
    assert machine.run("systemctl", "--failed", "--no-legend").stdout == ""
    for place in PLACES:
        assert set(machine.run("ls", place).stdout.split()) >= {before["name"], after["name"]}
        assert not (machine.root / place[1:] / "0.0.1-leftover").exists()


def test_the_release_before_is_put_back_by_one_command(machine, client, new):
    before = noted(machine)
    assert before["version"] == new.version
    jobs = client.ask("submit", client.note, JOBS, "back")

    install_sh = "/opt/meeshy/current/product/installer/install.sh"
    machine.run("sh", install_sh, "rollback.yml", limit_s=1500)

    after = noted(machine)
    assert (after["name"], after["previous"]) == (before["previous"], "")
    assert in_force(machine) == after["name"]
    assert client.ask("health")["version"] == after["version"] == released().version
    assert set(client.ask("follow", json.dumps(jobs)).values()) == {"done"}
    assert client.ask("translate", client.note, "fr")["state"] == "done"


@pytest.mark.parametrize(("name", "change", "said"), [
    ("silent", SILENT, "systemctl restart meeshy-api.service"),
    ("wrong", WRONG, "The note ended as"),
])  # fmt: skip
def test_a_broken_release_is_taken_back_and_no_job_is_lost(machine, client, bring, name, change, said):
    before, broken_schema = noted(machine), f"{int(schema(machine)) + 1:04}"
    broken = bring(name, changed(with_schema(as_version(checkout(), following(1)), broken_schema), change))

    with client.flowing() as taken:
        told = refused(machine, broken, "-e", "upgrade_backup=false")

    assert said in told.stdout
    assert schema(machine) == broken_schema
    assert f"{before['name']} serves again" in told.stderr
    assert (noted(machine)["name"], in_force(machine)) == (before["name"], before["name"])
    assert client.ask("health")["version"] == before["version"]
    assert_none_is_lost(client, taken)
    assert machine.run("systemctl", "--failed", "--no-legend").stdout == ""
