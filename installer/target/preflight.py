"""Judges a machine before anything is changed: all findings at once, each with what was found and what to do."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from installer.target.machine import GIB, Machine

SLOW_SYNC_MS = 10.0
TAKEN_OVER = frozenset({"nginx", "postgres", "redis-server"})
"""Programs of Debian's packages that the appliance configures as its own, whoever installed them."""
OURS = TAKEN_OVER | {"python", "python3", "python3.11", "weed"}
"""Programs that listen where the appliance is installed already."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a machine's part needs."""

    built_s: int = 0
    memory_gib: float = 1
    disk_gib: float = 6
    ports: tuple[int, ...] = ()


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
    found = [*_rights(machine), *_room(machine, wanted), *_ports(machine, wanted), *_surroundings(machine, wanted)]
    settled = [Finding(each.check, each.stop and each.check not in waived, each.text) for each in found]
    return sorted(settled, key=lambda each: not each.stop)


def _rights(machine: Machine) -> Iterator[Finding]:
    if machine.user_id != 0:
        yield Finding("root", True, f"It runs as user {machine.user_id}; give it root's rights (become).")
    if not machine.systemd:
        yield Finding("systemd", True, "systemd does not run here; the appliance's services need it.")


def _room(machine: Machine, wanted: Wanted) -> Iterator[Finding]:
    memory_gib = machine.memory_bytes / GIB
    if memory_gib < wanted.memory_gib:
        yield Finding("memory", True, f"{memory_gib:.1f} GiB of memory, {wanted.memory_gib:g} are needed: add some.")
    if machine.installed:
        return
    for place, free in machine.free_bytes.items():
        if free < wanted.disk_gib * GIB:
            text = f"{free / GIB:.1f} GiB free for {place}, {wanted.disk_gib:g} are needed: free some or mount a disk."
            yield Finding("disk", True, text)


def _ports(machine: Machine, wanted: Wanted) -> Iterator[Finding]:
    for port in wanted.ports:
        if port not in machine.listeners:
            continue
        program = machine.listeners[port]
        if program in (OURS if machine.installed else TAKEN_OVER):
            continue
        text = f"TCP port {port} is taken by {program or 'an unknown program'}: stop it, or give it another port."
        yield Finding("ports", True, text)


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
    if machine.others and not machine.installed:
        text = f"{', '.join(machine.others)} is here already: the appliance configures and restarts it as its own."
        yield Finding("others", False, text)
