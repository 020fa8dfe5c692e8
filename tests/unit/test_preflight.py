"""Preflight tells everything at once, and only what would fail stops."""

import os
import shutil
from dataclasses import replace

import pytest

from installer.target.machine import GIB, Machine, far_mounts, read_machine, ssh_port
from installer.target.preflight import Wanted, judge
from installer.target.sockets import Socket, is_loopback, read_sockets


def tcp(port, program, outside=True):
    return Socket("tcp", port, outside, program)


def udp(port, program, outside=True):
    return Socket("udp", port, outside, program)


SSHD = tcp(22, "sshd")
GOOD = Machine(
    user_id=0, systemd=True, memory_bytes=16 * GIB, free_bytes={"/opt/meeshy": 50 * GIB, "/var/lib/meeshy": 50 * GIB},
    sockets=(SSHD,), name_resolves=True, now_s=2_000_000_000, sync_ms=1.0, processor_flags=frozenset({"avx2"}),
    installed=False,
)  # fmt: skip
WANTED = Wanted(built_s=1_900_000_000, memory_gib=4, disk_gib=6, ports=(443, 5432), open_tcp=(22, 443))


def test_a_good_machine_has_no_finding():
    assert judge(GOOD, WANTED) == []


@pytest.mark.parametrize(
    ("change", "check", "said"),
    [
        ({"user_id": 1000}, "root", "1000"),
        ({"systemd": False}, "systemd", "systemd"),
        ({"memory_bytes": GIB}, "memory", "1.0 GiB"),
        ({"free_bytes": {"/opt/meeshy": GIB}}, "disk", "/opt/meeshy"),
        ({"sockets": (tcp(443, "apache2"),)}, "ports", "apache2"),
        ({"sockets": (tcp(5432, "postgres", outside=False),)}, "ports", "postgres"),
        ({"sockets": (tcp(443, ""),)}, "ports", "unknown program"),
        ({"sockets": (tcp(2222, "sshd"),)}, "reach", "2222"),
        ({"ssh_port": 8022}, "reach", "8022"),
        ({"name_resolves": False}, "name", "hosts file"),
        ({"now_s": 1_000_000_000}, "clock", "behind"),
        ({"others": ("Redis", "nginx")}, "others", "Redis, nginx"),
    ],
)
def test_what_would_fail_stops(change, check, said):
    (finding,) = judge(replace(GOOD, **change), WANTED)

    assert (finding.check, finding.stop) == (check, True)
    assert said in finding.line()


@pytest.mark.parametrize(
    ("change", "check", "said"),
    [
        ({"sync_ms": 60.0}, "sync", "60 ms"),
        ({"processor_flags": frozenset({"sse4_2"})}, "processor", "AVX2"),
        ({"sockets": (SSHD, tcp(9100, "node_exporter"), udp(51820, ""))}, "closes",
         "TCP 9100 (node_exporter), UDP 51820 (unknown)"),
        ({"mounts": ("/home from filer:/home",)}, "mounts", "/home from filer:/home"),
    ],
)  # fmt: skip
def test_what_is_only_worse_does_not_stop(change, check, said):
    (finding,) = judge(replace(GOOD, **change), WANTED)

    assert (finding.check, finding.stop) == (check, False)
    assert said in finding.line()


def test_a_machine_of_just_the_size_has_less_by_what_its_kernel_keeps():
    assert judge(replace(GOOD, memory_bytes=int(3.8 * GIB)), WANTED) == []
    assert [each.check for each in judge(replace(GOOD, memory_bytes=int(3.5 * GIB)), WANTED)] == ["memory"]


def test_everything_is_told_at_once_and_what_stops_first():
    bad = replace(GOOD, sync_ms=60.0, memory_bytes=GIB, name_resolves=False, systemd=False)

    found = judge(bad, WANTED)

    assert {each.check for each in found} == {"sync", "memory", "name", "systemd"}
    assert [each.stop for each in found] == [True, True, True, False]


def test_a_waived_check_is_told_and_does_not_stop():
    (finding,) = judge(replace(GOOD, memory_bytes=GIB), WANTED, waived={"memory"})

    assert not finding.stop


def test_the_appliance_s_own_ports_and_room_are_no_finding_where_it_is_installed():
    again = replace(
        GOOD, installed=True, sockets=(tcp(443, "nginx"), tcp(5432, "postgres"), tcp(9100, "node_exporter")),
        free_bytes={"/opt/meeshy": GIB}, others=("nginx",), mounts=("/home from filer:/home",),
    )  # fmt: skip

    assert judge(again, WANTED) == []
    assert judge(replace(again, sockets=(tcp(443, "apache2"),)), WANTED)


def test_sshd_that_moved_stops_where_the_appliance_is_installed_too():
    (finding,) = judge(replace(GOOD, installed=True, sockets=(tcp(2222, "sshd"),)), WANTED)

    assert (finding.check, finding.stop) == ("reach", True)


def test_what_others_leave_to_the_appliance_may_hold_its_ports():
    there = replace(GOOD, sockets=(SSHD, tcp(443, "nginx")), others=("nginx",))

    assert [(each.check, each.stop) for each in judge(there, WANTED, waived={"others"})] == [("others", False)]


def test_ntpsec_is_in_the_way_where_chrony_is_to_keep_the_time():
    there = replace(GOOD, others=("ntpsec",))

    assert judge(there, WANTED) == []
    assert [each.check for each in judge(there, replace(WANTED, keeps_time=True))] == ["others"]


def test_nothing_is_closed_that_is_loopback_opened_or_how_a_machine_gets_its_address():
    there = replace(
        GOOD, sockets=(SSHD, tcp(25, "exim4", outside=False), udp(68, "dhclient"), udp(51820, ""), tcp(8443, "x"))
    )

    assert judge(there, replace(WANTED, open_tcp=(22, 443, 8443), open_udp=(51820,))) == []


def test_mounts_hang_only_where_egress_is_closed():
    assert judge(replace(GOOD, mounts=("/home from filer:/home",)), replace(WANTED, egress_closed=False)) == []


def test_the_kernel_s_tables_say_who_waits_and_for_whom(tmp_path):
    heading = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
    row = "   0: {} 00000000:0000 {} 00000000:00000000 00:00000000 00000000     0        0 {} 1 x\n"
    folder = tmp_path / "net"
    folder.mkdir()
    (folder / "tcp").write_text(
        heading + row.format("00000000:08AE", "0A", 11) + row.format("0100007F:1538", "0A", 12)
        + row.format("0A00000A:08AE", "01", 13)
    )  # fmt: skip
    (folder / "udp6").write_text(heading + row.format("00000000000000000000000000000000:CA6C", "07", 14))
    (tmp_path / "77/fd").mkdir(parents=True)
    (tmp_path / "77/fd/3").symlink_to("socket:[11]")
    (tmp_path / "77/comm").write_text("sshd\n")

    assert read_sockets(tmp_path) == [
        tcp(2222, "sshd"), tcp(5432, "", outside=False), udp(51820, ""),
    ]  # fmt: skip


@pytest.mark.parametrize("reader", ["scandir", "listdir"])
def test_a_process_that_ends_while_it_is_looked_at_is_no_reason_to_fail(tmp_path, monkeypatch, reader):
    ending = tmp_path / "99/fd"
    ending.mkdir(parents=True)
    read = getattr(os, reader)

    def read_too_late(path):
        if str(path) == str(ending):
            shutil.rmtree(ending.parent)
        return read(path)

    monkeypatch.setattr(os, reader, read_too_late)
    (tmp_path / "net").mkdir()
    (tmp_path / "net/tcp").write_text("heading\n   0: 00000000:08AE 00000000:0000 0A 0:0 0:0 0 0 0 11 1 x\n")

    assert read_sockets(tmp_path) == [tcp(2222, "")]


@pytest.mark.parametrize(
    ("text", "loopback"),
    [
        ("0100007F", True),
        ("00000000", False),
        ("00000000000000000000000001000000", True),
        ("0000000000000000FFFF00000100007F", True),
        ("00000000000000000000000000000000", False),
    ],
)
def test_loopback_has_several_forms(text, loopback):
    assert is_loopback(text) is loopback


def test_the_port_of_a_session_and_other_machines_mounts_are_read():
    assert ssh_port("10.0.0.5 50122 10.0.0.10 2222") == 2222
    assert ssh_port("") is None
    table = "/dev/sda1 / ext4 rw 0 0\nfiler:/home /home nfs4 rw 0 0\n//nas/x /mnt cifs rw 0 0\n"
    assert far_mounts(table) == ["/home from filer:/home", "/mnt from //nas/x"]


def test_this_machine_can_be_read(tmp_path):
    machine = read_machine(tmp_path / "none")

    assert machine.memory_bytes > 0
    assert set(machine.free_bytes) == {"/opt/meeshy", "/var/lib/meeshy"}
    assert not machine.installed
    assert machine.now_s > 1_700_000_000
