"""Three machines, installed from the first one over SSH: one keeps and serves, two work."""

from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

from tests.install.client import Client
from tests.install.node import node
from tests.install.playbook import changes, install

pytestmark = [pytest.mark.install, pytest.mark.full, pytest.mark.timeout(2400)]
ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = "ansible/inventories/example-multi"


@pytest.fixture(scope="module")
def machines(archive, medium, network, place):
    """The three, the first with the medium, the site's key, an inventory, and SSH to the others."""
    with ExitStack() as stack:
        binds = [f"{medium.folder}:{medium.inside}"]
        names = {"head": 20, "worker1": 21, "worker2": 22}
        made = {
            name: stack.enter_context(node(name, number, network, archive, place, binds if name == "head" else []))
            for name, number in names.items()
        }
        head = made["head"]
        head.run("install", "-D", "--mode=0644", f"{medium.inside}/bundle-keys", "/etc/meeshy/bundle-keys")
        head.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/root/.ssh/id_ed25519")
        public = head.run("cat", "/root/.ssh/id_ed25519.pub").stdout
        for each in made.values():
            (each.root / "root/.ssh").mkdir(mode=0o700, exist_ok=True)
            (each.root / "root/.ssh/authorized_keys").write_text(public)
        for name in ("worker1", "worker2"):
            head.run("sh", "-c", f"ssh-keyscan {made[name].address} >> /root/.ssh/known_hosts")
        inventory(head, {name: each.address for name, each in made.items()})
        yield made


def inventory(head, addresses):
    """Write the shipped example with the machines' addresses in it."""
    document = yaml.safe_load((ROOT / EXAMPLE / "hosts.yml").read_text())
    for name, host in document["all"]["hosts"].items():
        host["meeshy_address"] = addresses[name]
        if "ansible_host" in host:
            host["ansible_host"] = addresses[name]
    folder = head.root / "etc/meeshy/inventory"
    (folder / "group_vars").mkdir(parents=True)
    (folder / "hosts.yml").write_text(yaml.safe_dump(document))
    (folder / "group_vars/all.yml").write_text((ROOT / EXAMPLE / "group_vars/all.yml").read_text())


def test_three_machines_translate_a_note_and_stay_as_they_are(machines, medium, network, place):
    head = machines["head"]
    assert set(changes(install(head, medium))) == set(machines)

    client = Client(network, head, place)
    document = client.ask("translate", client.note, "fr", "es")

    assert document["state"] == "done", document
    assert changes(install(head, medium)) == dict.fromkeys(machines, 0)
    for name in ("worker1", "worker2"):
        assert machines[name].run("systemctl", "is-active", "meeshy-pool").stdout == "active\n"
        listening = machines[name].run("ss", "--tcp", "--listening", "--numeric", "--no-header").stdout
        assert {row.split()[3] for row in listening.splitlines()} == {"0.0.0.0:22", "[::]:22"}
    assert [each for each in network.ways_out() if each["target"] != "198.51.100.7"] == []
