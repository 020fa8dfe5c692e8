"""How much room a bundle takes on the machine that it is unpacked on."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from installer.bundle.metadata import Metadata
from installer.bundle.space import FreeBytes, free_bytes, gibibytes
from installer.target.machine import nearest
from installer.target.preflight import Finding

UNPACKED = Path("/opt/meeshy")
DATA = Path("/var/lib/meeshy")
ENVIRONMENT = 3
"""An environment takes about three times the bytes of its wheels while it is made."""
RESERVE_BYTES = 1 << 30
"""For the database, the first recordings and logs."""


def needed_bytes(about: Metadata) -> dict[Path, int]:
    """Return what a bundle needs by place: itself and its environments, and its models beside the data."""
    kinds = {
        kind: sum(each.size_bytes for each in about.components if each.kind == kind) for kind in ("wheel", "model")
    }
    return {
        UNPACKED: about.checksums.size_bytes + ENVIRONMENT * kinds["wheel"],
        DATA: kinds["model"] + RESERVE_BYTES,
    }


def _disk_of(path: Path) -> int:
    return nearest(path).stat().st_dev


def judge_room(
    needs: Mapping[Path, int], free: FreeBytes = free_bytes, disk_of: Callable[[Path], int] = _disk_of
) -> Iterator[Finding]:
    """Yield a finding for each disk that is too small; places on one disk share its room."""
    disks: dict[int, list[Path]] = {}
    for place in needs:
        disks.setdefault(disk_of(place), []).append(place)
    for places in disks.values():
        need, have = sum(needs[place] for place in places), free(places[0])
        if have < need:
            where = " and ".join(map(str, places))
            text = f"{gibibytes(have)} are free for {where}, this bundle needs {gibibytes(need)}: free some."
            yield Finding("disk", True, text)
