"""What preflight reads of a machine; nothing is changed, and what cannot be read is None or empty."""

import os
import platform
import shutil
import socket
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from installer.target.sockets import Socket, read_sockets

GIB = 1 << 30
BEGUN = "/opt/meeshy/releases"
"""Made early: an installation that was interrupted goes on, on a machine that has some of it."""
PLACES = ("/opt/meeshy", "/var/lib/meeshy")
SYNCS = 20
OTHERS = {"Redis": "/etc/redis", "nginx": "/etc/nginx", "ntpsec": "/etc/ntpsec"}
"""What the appliance would take over, or put something else in the place of, and what shows that it is there."""
FAR = frozenset({"nfs", "nfs4", "cifs", "smb3", "ceph", "9p", "fuse.glusterfs", "fuse.sshfs"})
"""Kinds of file systems whose server is another machine."""


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine as preflight sees it."""

    user_id: int
    systemd: bool
    memory_bytes: int
    free_bytes: dict[str, int]
    sockets: tuple[Socket, ...]
    name_resolves: bool
    now_s: float
    sync_ms: float | None
    processor_flags: frozenset[str]
    installed: bool
    """Whether the appliance is here, or an installation of it was begun."""
    others: tuple[str, ...] = field(default=())
    """Programs of the kinds that the appliance brings which are there already."""
    ssh_port: int | None = None
    """The port by which this session came, where it came by SSH."""
    mounts: tuple[str, ...] = field(default=())
    """Folders that another machine serves, with what serves them."""


def read_machine(installed_note: Path) -> Machine:
    """Return what this machine is like."""
    return Machine(
        user_id=os.geteuid(),
        systemd=Path("/run/systemd/system").is_dir(),
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        free_bytes={place: shutil.disk_usage(nearest(Path(place))).free for place in PLACES},
        sockets=tuple(read_sockets()),
        name_resolves=_resolves(platform.node()),
        now_s=time.time(),
        sync_ms=_sync_ms(nearest(Path(PLACES[1]))),
        processor_flags=_flags(),
        installed=installed_note.exists() or Path(BEGUN).is_dir(),
        others=tuple(name for name, proof in OTHERS.items() if Path(proof).exists()),
        ssh_port=ssh_port(os.environ.get("SSH_CONNECTION", "")),
        mounts=tuple(far_mounts(_text("/proc/mounts"))),
    )


def ssh_port(connection: str) -> int | None:
    """Return the server's port of sshd's SSH_CONNECTION, None where there is none."""
    words = connection.split()
    return int(words[3]) if len(words) == 4 and words[3].isdecimal() else None


def far_mounts(table: str) -> list[str]:
    """Return the folders of a table of mounts that other machines serve, as `/home from filer:/home`."""
    rows = [line.split() for line in table.splitlines()]
    return [f"{row[1]} from {row[0]}" for row in rows if len(row) > 2 and row[2] in FAR]


def nearest(path: Path) -> Path:
    """Return the path, or the nearest folder above it that there is."""
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
    lines = _text("/proc/cpuinfo").splitlines()
    return frozenset(next((line.split(":", 1)[1].split() for line in lines if line.startswith("flags")), ()))


def _text(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
