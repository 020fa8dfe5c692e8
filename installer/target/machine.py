"""What preflight reads of a machine; nothing is changed, and what cannot be read is None or empty."""

import os
import platform
import shutil
import socket
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

GIB = 1 << 30
BEGUN = "/opt/meeshy/releases"
"""Made early: an installation that was interrupted goes on, on a machine that has some of it."""
PLACES = ("/opt/meeshy", "/var/lib/meeshy")
SYNCS = 20
LISTENING = "0A"


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine as preflight sees it."""

    user_id: int
    systemd: bool
    memory_bytes: int
    free_bytes: dict[str, int]
    listeners: dict[int, str]
    """Program by TCP port; an empty name where it could not be found out."""
    name_resolves: bool
    now_s: float
    sync_ms: float | None
    processor_flags: frozenset[str]
    installed: bool
    """Whether the appliance is here, or an installation of it was begun."""
    others: tuple[str, ...] = field(default=())
    """Programs of the kinds that the appliance brings which are there already."""


def read_machine(installed_note: Path) -> Machine:
    """Return what this machine is like."""
    return Machine(
        user_id=os.geteuid(),
        systemd=Path("/run/systemd/system").is_dir(),
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        free_bytes={place: shutil.disk_usage(_nearest(Path(place))).free for place in PLACES},
        listeners=_listeners(),
        name_resolves=_resolves(platform.node()),
        now_s=time.time(),
        sync_ms=_sync_ms(_nearest(Path(PLACES[1]))),
        processor_flags=_flags(),
        installed=installed_note.exists() or Path(BEGUN).is_dir(),
        others=tuple(name for name, proof in OTHERS.items() if Path(proof).exists()),
    )


OTHERS = {"PostgreSQL": "/etc/postgresql", "Redis": "/etc/redis", "nginx": "/etc/nginx"}


def _nearest(path: Path) -> Path:
    while not path.exists():
        path = path.parent
    return path


def _resolves(name: str) -> bool:
    try:
        socket.getaddrinfo(name, None)
    except OSError:
        return False
    return True


def _sync_ms(folder: Path) -> float | None:
    """Return the median time that a small write takes until it is on the disk, in a file without a name."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            taken_s = []
            for _ in range(SYNCS):
                file.write(b"x" * 4096)
                file.flush()
                before_s = time.monotonic()
                os.fdatasync(file.fileno())
                taken_s.append(time.monotonic() - before_s)
    except OSError:
        return None
    return sorted(taken_s)[SYNCS // 2] * 1000


def _flags() -> frozenset[str]:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return frozenset()
    return frozenset(next((line.split(":", 1)[1].split() for line in lines if line.startswith("flags")), ()))


def _listeners() -> dict[int, str]:
    port_by_inode = {}
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            rows = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for fields in map(str.split, rows):
            if fields[3] == LISTENING:
                port_by_inode[fields[9]] = int(fields[1].rsplit(":", 1)[1], 16)
    found = dict.fromkeys(port_by_inode.values(), "")
    for descriptor in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            target = str(descriptor.readlink())
            inode = target.removeprefix("socket:[").rstrip("]")
            if inode in port_by_inode:
                found[port_by_inode[inode]] = (descriptor.parents[1] / "comm").read_text().strip()
        except OSError:
            continue  # the process has ended, or is another user's
    return found
