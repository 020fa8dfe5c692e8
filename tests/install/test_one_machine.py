"""One machine without a network, from nothing to a translated note. The tests follow each other on the same machine."""

import json
import time

import pytest

from tests.install.client import Client
from tests.install.lan import LET_OUT
from tests.install.node import leave_running
from tests.install.playbook import changed_tasks, changes, install, refused

pytestmark = [pytest.mark.install, pytest.mark.timeout(1800)]
UNITS = ("meeshy-api", "meeshy-pool", "meeshy-housekeeping", "meeshy-firewall")
HANGS_S = 120.0
"""Several times what the watchdog of the API allows."""
TOO_MUCH = '[[device]]\nname = "cpu"\nmemory_gib = 1\n[device.roles.all]\nmin = 9\nmax = 9\n'
"""More workers than the device has memory for."""
LISTENERS = {"127.0.0.1:5432", "127.0.0.1:6379", "127.0.0.1:8750", "0.0.0.0:22", "0.0.0.0:443", "[::]:22", "[::]:443"}


@pytest.mark.parametrize("at", [0.00001, 0.5])
def test_one_flipped_bit_is_refused_and_nothing_was_changed(box, medium, at):
    before = box.files()

    refused = box.run("sh", medium.script, medium.flipped(at), check=False)

    assert refused.returncode != 0
    assert "refused [bundle_" in refused.stderr
    after = box.files()
    assert [path for path in before.keys() | after.keys() if before.get(path) != after.get(path)] == []


def test_a_bundle_is_installed_without_a_network(box, medium, installed):
    assert changes(installed)["appliance"] > 20
    note = json.loads(box.run("cat", "/var/lib/meeshy/install-state.json").stdout)
    assert note["version"] == medium.version
    assert note["built_s"] > 0
    assert note["name"].startswith(f"{medium.version}-")
    assert box.run("readlink", "/opt/meeshy/current").stdout.strip() == f"/opt/meeshy/releases/{note['name']}"
    assert box.run("systemctl", "--failed", "--no-legend").stdout == ""


def test_the_site_was_measured_and_promises_by_it(box, installed):
    told = json.loads(box.run("meeshy", "status", "--json", check=False).stdout)

    assert told["figures"]["commissioned"]
    words = ["runuser", "--user=postgres", "--", "psql", "-XAt", "--port=5432", "--dbname=meeshy"]
    scale = box.run(*words, "--command=SELECT value FROM site WHERE key = 'sla_scale'").stdout
    assert float(scale) >= 1.0


def test_a_voice_note_is_translated_through_the_edge(box, network, installed, place):
    client = Client(network, box, place)

    document = client.ask("translate", client.note, "fr", "es")

    assert document["state"] == "done", document
    assert "country" in json.dumps(document)
    for target in document["targets"]:
        assert target["audio_bytes"] > 20_000, target


def test_a_second_run_changes_nothing(box, medium, installed):
    output = install(box, medium)

    assert changed_tasks(output) == []
    assert changes(output) == {"appliance": 0}


@pytest.mark.full
def test_looking_at_what_would_change_finds_nothing_and_is_right_about_an_edited_file(box, medium, installed):
    assert changed_tasks(install(box, medium, "--check", "--diff")) == []
    box.run("sed", "--in-place", "s/keepalive 16/keepalive 17/", "/etc/nginx/conf.d/meeshy.conf")

    output = install(box, medium, "--check", "--diff")

    assert changed_tasks(output) == [
        "edge : Configure the edge",
        "edge : Run nginx with its configuration and certificate",
    ]
    assert "-    keepalive 17;" in output
    assert "keepalive 17" in box.run("cat", "/etc/nginx/conf.d/meeshy.conf").stdout


@pytest.mark.full
def test_an_edited_file_is_repaired_and_nothing_else_is_touched(box, medium, installed):
    box.run("sed", "--in-place", "s/keepalive 1./keepalive 18/", "/etc/nginx/conf.d/meeshy.conf")
    box.run("sh", "-c", "echo MEESHY_MAX_WER=1 >> /etc/meeshy/meeshy.env")

    output = install(box, medium)

    assert changed_tasks(output) == [
        "application : Write the settings", "application : Run the API and housekeeping, now and with the machine",
        "workers : Run the workers, now and with the machine",
        "edge : Configure the edge", "edge : Run nginx with its configuration and certificate",
    ]  # fmt: skip
    assert "keepalive 16" in box.run("cat", "/etc/nginx/conf.d/meeshy.conf").stdout
    assert "MAX_WER" not in box.run("cat", "/etc/meeshy/meeshy.env").stdout


@pytest.mark.full
def test_an_object_store_that_the_inventory_has_no_more_is_stopped(box, medium, installed):
    leave_running(box, "meeshy-objects")

    output = install(box, medium)

    assert changed_tasks(output) == ["objectstore : Stop it", "objectstore : Remove its unit and its keys"]
    assert box.run("systemctl", "is-active", "meeshy-objects", check=False).stdout != "active\n"


@pytest.mark.full
@pytest.mark.parametrize(
    ("variables", "begin", "said"),
    [
        ({"workers_inventory": TOO_MUCH}, "workers : Read the pool's inventory in force", "does not fit this machine"),
        (
            {"edge_largest_request": "50 MB"},
            "edge : Ask whether the machine has IPv6",
            "nginx refuses the configuration",
        ),
    ],
    ids=["pool", "nginx"],
)
def test_what_does_not_work_is_not_left_for_the_next_start_to_find(box, medium, installed, variables, begin, said):
    files = ("/etc/meeshy/pool.toml", "/etc/nginx/conf.d/meeshy.conf")
    before = box.run("sha256sum", *files).stdout

    told = refused(box, medium, "-e", json.dumps(variables), "--start-at-task", f"{begin}*")

    assert said in " ".join(told.stdout.split())
    assert box.run("sha256sum", *files).stdout == before


@pytest.mark.full
def test_no_empty_database_is_put_beside_the_objects_of_one_that_is_away(box, medium, installed):
    note = "/var/lib/postgresql/15/meeshy/meeshy-made"
    box.run("mv", note, "/root/kept")

    told = refused(box, medium)

    box.run("mv", "/root/kept", note)
    assert "its database is not in /var/lib/postgresql/15/meeshy" in " ".join(told.stdout.split())
    assert box.run("systemctl", "is-active", "meeshy-api").stdout == "active\n"


def test_services_are_locked_in_and_say_so(box, installed):
    for unit in UNITS:
        told = box.run("systemd-analyze", "security", "--no-pager", "--threshold=20", f"{unit}.service", check=False)
        assert told.returncode == 0, told.stdout[-400:]
        ignored = [line for line in box.run("journalctl", f"--unit={unit}", "--no-pager").stdout.splitlines()
                   if "ignoring" in line]  # fmt: skip
        assert ignored == []


@pytest.mark.full
def test_an_api_that_hangs_is_killed_and_started_anew(box, network, installed, place):
    def main_process() -> str:
        return box.run("systemctl", "show", "--property=MainPID", "--value", "meeshy-api").stdout.strip()

    hung = main_process()
    box.run("kill", "-STOP", hung)
    deadline_s = time.monotonic() + HANGS_S
    while main_process() in (hung, "0") and time.monotonic() < deadline_s:
        time.sleep(0.5)

    assert main_process() not in (hung, "0")
    assert Client(network, box, place).ask("wait", HANGS_S) is not None
    assert "Watchdog timeout" in box.run("journalctl", "--unit=meeshy-api", "--no-pager").stdout


def test_only_declared_addresses_are_listened_on(box, installed):
    rows = box.run("ss", "--tcp", "--listening", "--numeric", "--no-header").stdout.splitlines()

    assert {row.split()[3] for row in rows} == LISTENERS


def test_no_secret_is_readable_or_told(box, installed):
    secrets = box.run("sh", "-c", "cat /etc/meeshy/site/secrets/*").stdout.split()
    assert len(secrets) >= 3
    journal = box.run("journalctl", "--no-pager", "--output=cat").stdout
    log = box.run("cat", "/var/log/meeshy/install.log").stdout
    readable = box.run(
        "runuser",
        "--user=nobody",
        "--",
        "sh",
        "-c",
        "grep -rs . /etc/meeshy /opt/meeshy/current/product/ansible || true",
    ).stdout
    arguments = box.run("sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '").stdout
    for secret in secrets:
        assert len(secret) >= 20
        assert secret not in journal + log + installed + readable + arguments


def test_no_packet_left_the_bridge(box, network, installed):
    assert network.ways_out() == []
    assert box.run("nft", "list", "counter", "inet", "meeshy", "refused_out").stdout
    assert box.refused_out() == 0


def test_the_watcher_would_have_seen_one(box, network, installed):
    box.run("nft", "insert", "rule", "inet", "meeshy", "output", "ip", "daddr", LET_OUT, "accept")

    box.run(
        "/usr/bin/python3", "-c",
        f"import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('{LET_OUT}', 53))",
    )  # fmt: skip
    deadline_s = time.monotonic() + 10
    while not network.let_out() and time.monotonic() < deadline_s:
        time.sleep(0.05)

    assert network.let_out() != []
