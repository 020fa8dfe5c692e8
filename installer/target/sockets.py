"""Which programs wait for others on this machine, and whether anybody but the machine itself could reach them."""

import ipaddress
from collections.abc import Iterable, Set
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

WAITING = {"tcp": "0A", "tcp6": "0A", "udp": "07", "udp6": "07"}
"""States in the kernel's tables: TCP that listens, UDP that is connected to nobody."""


@dataclass(frozen=True, slots=True)
class Socket:
    """A socket that waits for others."""

    protocol: str
    """`tcp` or `udp`."""
    port: int
    outside: bool
    """Whether it is bound to more than loopback."""
    program: str
    """Empty where it could not be found out."""


def read_sockets(proc: Path = Path("/proc")) -> list[Socket]:
    """Return the sockets of this machine that wait, by protocol and port; what cannot be read is missing."""
    found = {}
    for table, state in WAITING.items():
        try:
            rows = (proc / "net" / table).read_text().splitlines()[1:]
        except OSError:
            continue
        for fields in map(str.split, rows):
            if fields[3] == state:
                address, port = fields[1].rsplit(":", 1)
                found[fields[9]] = (table.removesuffix("6"), int(port, 16), not is_loopback(address))
    programs = _programs(proc, found.keys())
    return sorted(
        (Socket(*found[inode], programs.get(inode, "")) for inode in found),
        key=lambda each: (each.protocol, each.port, each.outside, each.program),
    )


def is_loopback(text: str) -> bool:
    """Return whether an address as the kernel's tables show it, words of four bytes in its own order, is loopback."""
    words = [bytes.fromhex(text[start : start + 8])[::-1] for start in range(0, len(text), 8)]
    address = ipaddress.ip_address(b"".join(words))
    mapped = address.ipv4_mapped if address.version == 6 else None
    return (mapped or address).is_loopback


def _programs(proc: Path, inodes: Set[str]) -> dict[str, str]:
    found = {}
    for process in proc.glob("[0-9]*"):
        # It may end at any moment, or be another user's. One glob for all of them would end with the first that does.
        try:
            descriptors = [*(process / "fd").iterdir()]
            program = (process / "comm").read_text().strip()
        except OSError:
            continue
        found |= dict.fromkeys(inodes & _held(descriptors), program)
    return found


def _held(descriptors: Iterable[Path]) -> set[str]:
    """Return the inodes of the sockets among a process's descriptors."""
    held = set()
    for descriptor in descriptors:
        with suppress(OSError):
            held.add(str(descriptor.readlink()).removeprefix("socket:[").rstrip("]"))
    return held
