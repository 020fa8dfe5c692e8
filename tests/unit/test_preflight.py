"""Preflight tells everything at once, and only what would fail stops."""

from dataclasses import replace

import pytest

from installer.target.machine import GIB, Machine, read_machine
from installer.target.preflight import Wanted, judge

GOOD = Machine(
    user_id=0, systemd=True, memory_bytes=16 * GIB, free_bytes={"/opt/meeshy": 50 * GIB, "/var/lib/meeshy": 50 * GIB},
    listeners={22: "sshd"}, name_resolves=True, now_s=2_000_000_000, sync_ms=1.0, processor_flags=frozenset({"avx2"}),
    installed=False,
)  # fmt: skip
WANTED = Wanted(built_s=1_900_000_000, memory_gib=4, disk_gib=6, ports=(443, 5432))


def test_a_good_machine_has_no_finding():
    assert judge(GOOD, WANTED) == []


@pytest.mark.parametrize(
    ("change", "check", "said"),
    [
        ({"user_id": 1000}, "root", "1000"),
        ({"systemd": False}, "systemd", "systemd"),
        ({"memory_bytes": GIB}, "memory", "1.0 GiB"),
        ({"free_bytes": {"/opt/meeshy": GIB}}, "disk", "/opt/meeshy"),
        ({"listeners": {443: "apache2"}}, "ports", "apache2"),
        ({"listeners": {443: ""}}, "ports", "unknown program"),
        ({"name_resolves": False}, "name", "hosts file"),
        ({"now_s": 1_000_000_000}, "clock", "behind"),
    ],
)
def test_what_would_fail_stops(change, check, said):
    (finding,) = judge(replace(GOOD, **change), WANTED)

    assert (finding.check, finding.stop) == (check, True)
    assert said in finding.line()


@pytest.mark.parametrize(
    ("change", "check"),
    [
        ({"sync_ms": 60.0}, "sync"),
        ({"processor_flags": frozenset({"sse4_2"})}, "processor"),
        ({"others": ("nginx",)}, "others"),
    ],
)
def test_what_is_only_worse_does_not_stop(change, check):
    (finding,) = judge(replace(GOOD, **change), WANTED)

    assert (finding.check, finding.stop) == (check, False)


def test_everything_is_told_at_once_and_what_stops_first():
    bad = replace(GOOD, sync_ms=60.0, memory_bytes=GIB, name_resolves=False, systemd=False)

    found = judge(bad, WANTED)

    assert {each.check for each in found} == {"sync", "memory", "name", "systemd"}
    assert [each.stop for each in found] == [True, True, True, False]


def test_a_waived_check_is_told_and_does_not_stop():
    (finding,) = judge(replace(GOOD, memory_bytes=GIB), WANTED, waived={"memory"})

    assert not finding.stop


def test_the_appliance_s_own_ports_and_room_are_no_finding_where_it_is_installed():
    again = replace(GOOD, installed=True, listeners={443: "nginx"}, free_bytes={"/opt/meeshy": GIB}, others=("nginx",))

    assert judge(again, WANTED) == []
    assert judge(replace(again, listeners={443: "apache2"}), WANTED)


def test_debian_s_own_servers_may_hold_their_ports_on_a_new_machine_and_are_told():
    there = replace(GOOD, listeners={5432: "postgres"}, others=("PostgreSQL",))

    assert [(each.check, each.stop) for each in judge(there, WANTED)] == [("others", False)]
    assert [each.check for each in judge(replace(GOOD, listeners={443: "python3"}), WANTED)] == ["ports"]


def test_this_machine_can_be_read(tmp_path):
    machine = read_machine(tmp_path / "none")

    assert machine.memory_bytes > 0
    assert set(machine.free_bytes) == {"/opt/meeshy", "/var/lib/meeshy"}
    assert not machine.installed
    assert machine.now_s > 1_700_000_000
