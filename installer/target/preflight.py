"""Judges a machine before anything is changed: all findings at once, each with what was found and what to do."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from installer.target.machine import GIB, Machine
from installer.target.sockets import Socket

SLOW_SYNC_MS = 10.0
TAKEN_OVER = frozenset({"nginx", "redis-server"})
"""Programs of Debian's packages that the appliance configures as its own; that they are there is a finding itself."""
OURS = TAKEN_OVER | {"postgres", "python", "python3", "python3.11", "weed"}
"""Programs that listen where the appliance is installed already."""
KERNEL_LEAVES = 0.9
"""Least share of a machine's memory that Linux tells of: its own and what is kept for a crash kernel are not in it."""
SSH = frozenset({"sshd", "dropbear"})
ALWAYS_OPEN = frozenset({("udp", 68), ("udp", 546)})
"""How a machine gets its own address."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a machine's part needs, and what its firewall will let through."""

    built_s: int = 0
    memory_gib: float = 1
    disk_gib: float = 6
    ports: tuple[int, ...] = ()
    open_tcp: tuple[int, ...] = ()
    open_udp: tuple[int, ...] = ()
    egress_closed: bool = True
    keeps_time: bool = False
    """Whether chrony is to keep the time, in the place of what does so now."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be; `stop` says that the installation would fail or not work."""

    check: str
    stop: bool
    text: str

    def line(self) -> str:
        """Return it for people."""
        return f"{'STOP' if self.stop else 'note'} [{self.check}] {self.text}"


def judge(machine: Machine, wanted: Wanted, waived: Collection[str] = ()) -> list[Finding]:
    """Return everything that was found, what stops first; a waived check's finding never stops."""
    found = [
        *_rights(machine), *_room(machine, wanted), *_ports(machine, wanted), *_reach(machine, wanted),
        *_surroundings(machine, wanted), *_others(machine, wanted),
    ]  # fmt: skip
    settled = [Finding(each.check, each.stop and each.check not in waived, each.text) for each in found]
    return sorted(settled, key=lambda each: not each.stop)


def _rights(machine: Machine) -> Iterator[Finding]:
    if machine.user_id != 0:
        yield Finding("root", True, f"It runs as user {machine.user_id}; give it root's rights (become).")
    if not machine.systemd:
        yield Finding("systemd", True, "systemd does not run here; the appliance's services need it.")


def _room(machine: Machine, wanted: Wanted) -> Iterator[Finding]:
    memory_gib = machine.memory_bytes / GIB
    if memory_gib < KERNEL_LEAVES * wanted.memory_gib:
        yield Finding("memory", True, f"{memory_gib:.1f} GiB of memory, {wanted.memory_gib:g} are needed: add some.")
    if machine.installed:
        return
    for place, free in machine.free_bytes.items():
        if free < wanted.disk_gib * GIB:
            text = f"{free / GIB:.1f} GiB free for {place}, {wanted.disk_gib:g} are needed: free some or mount a disk."
            yield Finding("disk", True, text)


def _ports(machine: Machine, wanted: Wanted) -> Iterator[Finding]:
    allowed = OURS if machine.installed else TAKEN_OVER
    for port in wanted.ports:
        programs = {each.program for each in machine.sockets if (each.protocol, each.port) == ("tcp", port)}
        for program in sorted(programs - allowed):
            text = f"TCP port {port} is taken by {program or 'an unknown program'}: stop it, or give it another port."
            yield Finding("ports", True, text)


def _reach(machine: Machine, wanted: Wanted) -> Iterator[Finding]:
    """What the firewall would close that people or the machine itself rely on."""
    outside = [each for each in machine.sockets if each.outside]
    by_ssh = {each.port for each in outside if each.protocol == "tcp" and each.program in SSH}
    if machine.ssh_port is not None:
        by_ssh.add(machine.ssh_port)
    for port in sorted(by_ssh - {*wanted.open_tcp}):
        text = f"SSH comes by TCP port {port}, which the firewall would close: add it to firewall_open_tcp."
        yield Finding("reach", True, text)
    if machine.installed:
        return
    open_ports = {("tcp", port) for port in {*wanted.open_tcp, *wanted.ports, *by_ssh}}
    open_ports |= {("udp", port) for port in wanted.open_udp} | ALWAYS_OPEN
    closed = sorted({_named(each) for each in outside if (each.protocol, each.port) not in open_ports})
    if closed:
        text = f"The firewall will close {', '.join(closed)}: what is needed goes into firewall_open_tcp and _udp."
        yield Finding("closes", False, text)
    if machine.mounts and wanted.egress_closed:
        text = f"{', '.join(machine.mounts)}: firewall_egress_allow has to name the servers, or these will hang."
        yield Finding("mounts", False, text)


def _named(each: Socket) -> str:
    return f"{each.protocol.upper()} {each.port} ({each.program or 'unknown'})"


def _surroundings(machine: Machine, wanted: Wanted) -> Iterator[Finding]:
    if not machine.name_resolves:
        text = "The machine's own name does not resolve: add it to the hosts file (127.0.1.1 NAME)."
        yield Finding("name", True, text)
    if machine.now_s < wanted.built_s:
        yield Finding("clock", True, "The clock is behind the time at which the bundle was built: set it.")
    if machine.sync_ms is not None and machine.sync_ms > SLOW_SYNC_MS:
        text = f"A write takes {machine.sync_ms:.0f} ms to reach the disk, {SLOW_SYNC_MS:g} is good: jobs wait for it."
        yield Finding("sync", False, text)
    if "avx2" not in machine.processor_flags:
        yield Finding("processor", False, "The processor has no AVX2: speech will be slow on it.")


def _others(machine: Machine, wanted: Wanted) -> Iterator[Finding]:
    there = [name for name in machine.others if name != "ntpsec" or wanted.keeps_time]
    if there and not machine.installed:
        text = (
            f"{', '.join(there)} is here already, and the appliance would take it over or replace it: take it off this "
            "machine, or waive `others` if nothing else needs it, as after an appliance was here before."
        )
        yield Finding("others", True, text)
