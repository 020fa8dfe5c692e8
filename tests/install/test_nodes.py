"""A machine of workers joins an appliance that works, and leaves it: nobody waits for either, and nothing is lost."""

import json
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

from tests.install.client import Client
from tests.install.lan import NETWORK
from tests.install.node import leave_running, node
from tests.install.playbook import changed_tasks, install

pytestmark = [pytest.mark.install, pytest.mark.full, pytest.mark.timeout(2400)]
ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "ansible/inventories/example-multi"
JOBS = 6
STARTED = ("systemctl", "show", "--property=InactiveExitTimestampMonotonic", "--value")


@pytest.fixture(scope="module")
def machines(archive, medium, network, place):
    """The head, one machine that works and one that is to come; SSH from the first to the others."""
    folder = place / "nodes"
    folder.mkdir()
    with ExitStack() as stack:
        made = {
            name: stack.enter_context(
                node(f"n-{name}", number, network, archive, folder,
                     [f"{medium.folder}:{medium.inside}"] if name == "head" else [])
            )
            for name, number in {"head": 50, "worker1": 51, "worker2": 52}.items()
        }  # fmt: skip
        head = made["head"]
        head.run("install", "-D", "--mode=0644", f"{medium.inside}/bundle-keys", "/etc/meeshy/bundle-keys")
        head.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/root/.ssh/id_ed25519")
        public = head.run("cat", "/root/.ssh/id_ed25519.pub").stdout
        for name, each in made.items():
            (each.root / "root/.ssh").mkdir(mode=0o700, exist_ok=True)
            (each.root / "root/.ssh/authorized_keys").write_text(public)
            if name != "head":
                head.run("sh", "-c", f"ssh-keyscan {each.address} >> /root/.ssh/known_hosts")
        yield made


def write_inventory(machines, *names: str) -> None:
    """Write the shipped example for these machines alone, with their addresses."""
    document = yaml.safe_load((EXAMPLE / "hosts.yml").read_text())
    hosts = {name: host for name, host in document["all"]["hosts"].items() if name in names}
    for name, host in hosts.items():
        host["meeshy_address"] = machines[name].address
        if "ansible_host" in host:
            host["ansible_host"] = machines[name].address
    document["all"]["hosts"] = hosts
    workers = document["all"]["children"]["workers"]
    workers["hosts"] = {name: None for name in workers["hosts"] if name in names}
    folder = machines["head"].root / "etc/meeshy/inventory"
    (folder / "group_vars").mkdir(parents=True, exist_ok=True)
    (folder / "hosts.yml").write_text(yaml.safe_dump(document))
    # The network and not each address: what machines may talk to stays the same when one comes.
    text = (EXAMPLE / "group_vars/all.yml").read_text() + f"meeshy_network: {NETWORK}.0/24\n"
    (folder / "group_vars/all.yml").write_text(text)


def started(machines) -> dict[str, str]:
    """Return when each service of the machines that are there already was started last."""
    units = {"head": ("meeshy-api", "meeshy-housekeeping", "redis-server@meeshy"), "worker1": ("meeshy-pool",)}
    return {f"{name} {unit}": machines[name].run(*STARTED, unit).stdout for name in units for unit in units[name]}


def test_a_machine_joins_without_a_restart_anywhere_and_leaves_without_a_loss(machines, medium, network, place):
    head = machines["head"]
    write_inventory(machines, "head", "worker1")
    install(head, medium)
    client = Client(network, head, place / "nodes")
    before = started(machines)
    jobs = client.ask("submit", client.note, JOBS)

    write_inventory(machines, "head", "worker1", "worker2")
    install(head, medium, "add_node.yml", "--extra-vars", "node=worker2")

    assert started(machines) == before
    assert set(client.ask("follow", json.dumps(jobs)).values()) == {"done"}
    status = json.loads(head.run("/usr/local/sbin/meeshy", "status", "--json", check=False).stdout)
    assert machines["worker2"].run("systemctl", "is-active", "meeshy-pool").stdout == "active\n"
    hosts = {each["host"] for each in status["figures"]["workers"] if each["living"]}
    assert machines["worker2"].name in hosts, hosts

    jobs = client.ask("submit", client.note, JOBS)
    install(head, medium, "remove_node.yml", "--extra-vars", "node=worker2")

    assert set(client.ask("follow", json.dumps(jobs)).values()) == {"done"}
    # It ends with 1 where it finds none.
    assert machines["worker2"].run("systemctl", "list-unit-files", "meeshy*", "--no-legend", check=False).stdout == ""
    assert "meeshy_" not in machines["worker2"].run("sh", "-c", "ls /etc/meeshy/credentials 2>/dev/null || true").stdout
    hba = head.run("sh", "-c", "cat /etc/postgresql/15/*/pg_hba.conf").stdout
    assert machines["worker1"].address in hba
    assert machines["worker2"].address not in hba

    write_inventory(machines, "head", "worker1")
    leave_running(head, "meeshy-pool")
    install(head, medium)
    assert head.run("systemctl", "is-active", "meeshy-pool", check=False).stdout != "active\n"
    assert client.ask("translate", client.note, "es")["state"] == "done"
    assert changed_tasks(install(head, medium)) == []


@pytest.mark.parametrize(
    ("name", "why"), [("head", "node=NAME"), ("nobody", "node=NAME"), ("worker1", "last one that works")]
)
def test_a_machine_that_the_others_cannot_do_without_is_not_taken_away(machines, medium, name, why):
    told = machines["head"].run(
        "sh", medium.script, medium.bundle, "remove_node.yml", "--extra-vars", f"node={name}", check=False, limit_s=600
    )

    assert told.returncode != 0
    assert why in told.stdout
    assert machines["worker1"].run("systemctl", "is-active", "meeshy-pool").stdout == "active\n"
