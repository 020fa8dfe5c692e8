"""An installation that is cut off goes on with the next call, and shuts nobody out. The tests follow each other."""

import os
import re
import signal
import subprocess
import time

import pytest

from tests.install.node import ENVIRONMENT, node
from tests.install.playbook import changed_tasks, changes, install

pytestmark = [pytest.mark.install, pytest.mark.full, pytest.mark.timeout(2400)]
CUTS = (
    "base : Install packages from the bundle",
    "database : Create the cluster",
    "database : Run PostgreSQL with its configuration",
    "firewall : Run the firewall with its rules",
    "application : Make the release the current one",
)
"""While something is made, and between what is written and the service that is to read it."""
PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def killed(archive, medium, network, place):
    with node("killed", 12, network, archive, place, [f"{medium.folder}:{medium.inside}"]) as box:
        box.run("install", "-D", "--mode=0644", f"{medium.inside}/bundle-keys", "/etc/meeshy/bundle-keys")
        yield box


@pytest.fixture(scope="module")
def session(killed, network, place):
    """The lines of an administrator's session by SSH that began before anything was installed; it prints for ever."""
    key, said = place / "session.key", place / "session.txt"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    (killed.root / "root/.ssh").mkdir(mode=0o700, exist_ok=True)
    (killed.root / "root/.ssh/authorized_keys").write_text((place / "session.key.pub").read_text())
    options = ("StrictHostKeyChecking=no", f"UserKnownHostsFile={place / 'known_hosts'}", "BatchMode=yes")
    words = ["ssh", "-n", "-i", key, *(f"-o{each}" for each in options), f"root@{killed.address}"]
    with said.open("w") as log:
        talking = subprocess.Popen(
            network.inside([*words, "while sleep 1; do echo line; done"]), stdout=log, stderr=subprocess.DEVNULL
        )
    assert comes(lambda: said.read_text(), talking)
    yield lambda: (said.read_text(), talking)
    talking.kill()
    talking.wait()


def comes(wanted, talking=None):
    """Return what is wanted as soon as it is something, within the time that one has patience."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not (found := wanted()) and time.monotonic() < deadline_s:
        assert talking is None or talking.poll() is None, "the session has ended"
        time.sleep(0.2)
    return found


def cut_at(box, medium, task: str) -> None:
    """Begin an installation and kill it when a task begins."""
    words = box.words("sh", medium.script, medium.bundle)
    running = subprocess.Popen(
        words, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True,
    )  # fmt: skip
    printed = []
    try:
        for line in running.stdout:
            printed.append(line)
            if line.startswith(f"TASK [{task}]"):
                break
        else:
            raise AssertionError(f"It never came to {task!r}: {''.join(printed)[-3000:]}")
    finally:
        os.killpg(running.pid, signal.SIGKILL)
        running.stdout.close()
        running.wait()
    # Ansible's workers outlive it, as when a session is lost; people call again later than their last module ends.
    assert comes(lambda: box.run("pgrep", "--full", "ansible", check=False).returncode != 0)


def test_ssh_on_a_port_that_the_firewall_would_close_stops_before_anything_is_changed(killed, medium):
    other = killed.root / "etc/ssh/sshd_config.d/port.conf"
    other.write_text("Port 2222\n")
    killed.run("systemctl", "restart", "ssh")

    refused = killed.run("sh", medium.script, medium.bundle, check=False, limit_s=600)

    assert refused.returncode != 0
    assert "STOP [reach] SSH comes by TCP port 2222" in refused.stdout
    assert not (killed.root / "opt/meeshy/releases").exists()
    other.unlink()
    killed.run("systemctl", "restart", "ssh")


def test_an_installation_that_was_cut_again_and_again_is_finished_by_the_next_call(killed, session, medium):
    for task in CUTS:
        cut_at(killed, medium, task)

    assert changes(install(killed, medium))["appliance"] > 0

    sql = "SHOW log_error_verbosity; SHOW data_directory"
    shown = killed.run("runuser", "--user=postgres", "--", "psql", "--no-align", "--tuples-only", f"--command={sql}")
    assert shown.stdout.split() == ["terse", "/var/lib/postgresql/15/meeshy"]
    assert killed.run("systemctl", "--failed", "--no-legend").stdout == ""


def test_a_session_that_is_older_than_the_firewall_goes_on(killed, session):
    assert "chain output" in killed.run("nft", "list", "table", "inet", "meeshy").stdout
    before, talking = session()

    assert comes(lambda: len(session()[0]) > len(before), talking), "the session is frozen"


def test_what_is_newer_than_its_service_and_rules_that_are_gone_are_put_in_force_and_nothing_else(killed, medium):
    """Files keep their right content, so that only their time tells."""
    redis, database = started(killed, "redis-server@meeshy"), started(killed, "postgresql@15-meeshy")
    wanted = rules(killed)
    assert "chain input" in wanted
    killed.run("touch", "/etc/redis/redis-meeshy.conf", "/etc/postgresql/15/meeshy/meeshy.pem")
    killed.run("nft", "flush", "ruleset")

    assert changed_tasks(install(killed, medium)) == [
        "database : Let PostgreSQL look at its certificate and its clients",
        "broker : Run Redis with its configuration, now and with the machine",
        "firewall : Have the rules loaded anew",
        "firewall : Run the firewall with its rules",
    ]
    assert started(killed, "redis-server@meeshy") != redis
    assert started(killed, "postgresql@15-meeshy") == database
    assert rules(killed) == wanted
    assert changes(install(killed, medium)) == {"appliance": 0}


def test_debian_s_own_rules_do_not_take_the_appliance_s_away(killed):
    wanted = rules(killed)
    assert "chain input" in wanted

    killed.run("systemctl", "restart", "nftables")  # which does not wait for what it restarts with itself

    assert comes(lambda: rules(killed) == wanted)


def rules(box) -> str:
    return box.run("nft", "--stateless", "list", "table", "inet", "meeshy", check=False).stdout


def started(box, unit: str) -> str:
    shown = box.run("systemctl", "show", "--property=InactiveExitTimestampMonotonic", f"{unit}.service").stdout
    return re.sub(r"\D", "", shown)
