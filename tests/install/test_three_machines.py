"""Three machines, installed from the first one over SSH: one keeps and serves, two work."""

import json
import shutil
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

from tests.install.client import Client
from tests.install.node import node
from tests.install.playbook import changed_tasks, changes, install, refused
from tests.install.rich import eventually

pytestmark = [pytest.mark.install, pytest.mark.full, pytest.mark.timeout(2400)]
ROOT = Path(__file__).resolve().parents[2]
RULES = "/etc/meeshy/firewall.nft"
TAKEN_BACK_S = 120.0
"""Rules that let nobody in are taken back after 90 s."""
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
    again = install(head, medium)
    assert changed_tasks(again) == []
    assert changes(again) == dict.fromkeys(machines, 0)
    for name in ("worker1", "worker2"):
        assert machines[name].run("systemctl", "is-active", "meeshy-pool").stdout == "active\n"
    assert network.ways_out() == []


def test_only_declared_addresses_are_listened_on(machines):
    inner = machines["head"].address
    everywhere = {"0.0.0.0:22", "[::]:22"}

    assert listeners(machines["worker1"]) == listeners(machines["worker2"]) == everywhere
    assert listeners(machines["head"]) == everywhere | {
        "0.0.0.0:443", "[::]:443", "127.0.0.1:8750",
        "127.0.0.1:5432", f"{inner}:5432", "127.0.0.1:6379", f"{inner}:6379", f"{inner}:8333", f"{inner}:18333",
        *(f"127.0.0.1:{port}" for port in (8080, 8333, 8888, 9333, 18080, 18333, 18888, 19333)),
    }  # fmt: skip


def test_the_object_store_s_inner_servers_are_for_their_own_user(machines):
    head, worker = machines["head"], machines["worker1"]
    program = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 3)"
    ask = ["/usr/bin/python3", "-c", program]

    for port in ("8080", "8888", "9333", "18888"):
        refused = head.run("runuser", "--user=nobody", "--", *ask, "127.0.0.1", port, check=False)
        assert "ConnectionRefusedError" in refused.stderr
    assert head.run("runuser", "--user=meeshy-objects", "--", *ask, "127.0.0.1", "8888").returncode == 0
    assert worker.run(*ask, head.address, "18333", check=False).returncode != 0
    assert worker.run(*ask, head.address, "8333").returncode == 0


def test_nothing_plans_any_more_to_take_the_firewall_back(machines):
    for box in machines.values():
        assert box.run("systemctl", "list-units", "--all", "--no-legend", "meeshy-firewall-undo*").stdout == ""
        assert "chain input" in box.run("nft", "list", "table", "inet", "meeshy").stdout


def test_all_come_back_by_themselves_when_the_power_goes_everywhere(machines, network, place):
    for box in machines.values():
        box.cut_power()
    for box in machines.values():
        box.start()
    client = Client(network, machines["head"], place)

    assert client.ask("wait", 240.0) is not None
    assert client.ask("translate", client.note, "fr")["state"] == "done"
    for box in machines.values():
        assert box.run("systemctl", "--failed", "--no-legend").stdout == ""


def test_a_site_s_folder_that_is_gone_is_not_made_anew(machines, medium):
    head = machines["head"]
    key = head.run("sha256sum", "/var/lib/meeshy/voice.key").stdout
    head.run("mv", "/etc/meeshy/site/secrets/voice_key", "/root/kept")

    refused = head.run("sh", medium.script, medium.bundle, check=False, limit_s=600)

    assert refused.returncode != 0
    assert "lacks secrets/voice_key" in " ".join(refused.stdout.split())
    assert head.run("sha256sum", "/var/lib/meeshy/voice.key").stdout == key
    assert not (head.root / "etc/meeshy/site/secrets/voice_key").exists()
    head.run("mv", "/root/kept", "/etc/meeshy/site/secrets/voice_key")


def test_rules_that_shut_everybody_out_give_way_to_those_before(machines, medium):
    head, workers = machines["head"], [machines["worker1"], machines["worker2"]]
    before = [(box.run("cat", RULES).stdout, rules(box)) for box in workers]
    closed = {"firewall_open_tcp": [443], "firewall_peers": [], "preflight_waived": ["reach"]}

    folder = head.root / "etc/meeshy/inventory/host_vars"
    folder.mkdir()
    for name in ("worker1", "worker2"):
        (folder / f"{name}.yml").write_text(json.dumps(closed))

    told = refused(head, medium)

    shutil.rmtree(folder)
    assert "Connect anew" in told.stdout
    for box, (written, in_force) in zip(workers, before, strict=True):
        assert eventually(lambda box=box, in_force=in_force: rules(box) == in_force, TAKEN_BACK_S)
        assert box.run("cat", RULES).stdout == written
        # Until its last command has ended it is being reloaded.
        assert eventually(lambda box=box: box.run("systemctl", "is-active", "meeshy-firewall").stdout == "active\n")
        assert box.run("ls", f"{RULES}.former", check=False).returncode != 0
    install(head, medium)
    assert changed_tasks(install(head, medium)) == []


def rules(box) -> str:
    return box.run("nft", "--stateless", "list", "table", "inet", "meeshy").stdout


def listeners(box) -> set[str]:
    rows = box.run("ss", "--tcp", "--listening", "--numeric", "--no-header").stdout.splitlines()
    return {row.split()[3] for row in rows}
