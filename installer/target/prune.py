"""Lets go of what older bundles left on a machine: each holds gigabytes."""

import shutil
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from installer.target.failure import TargetFailed

IN_FORCE = Path("/opt/meeshy/current")
PLACES = (
    Path("/opt/meeshy/incoming"), Path("/opt/meeshy/control"), Path("/opt/meeshy/releases"),
    Path("/etc/meeshy/site/runs"),
)  # fmt: skip


def prune(
    keep: Collection[str], places: Sequence[Path] = PLACES, in_force: Path = IN_FORCE, *, check: bool = False
) -> list[Path]:
    """Remove what belongs to no release of `keep`, and return it; with `check` nothing is removed.

    Everything of a release has the release's name in its own. Raises TargetFailed where the release in force is none
    of them: then nothing is removed.
    """
    names = {name for name in keep if name}
    if in_force.is_symlink() and in_force.readlink().name not in names:
        raise TargetFailed(
            f"{in_force} leads to {in_force.readlink().name}, which is not to be kept: nothing is removed."
        )
    if not names:
        raise TargetFailed("Say which releases are kept.")
    going = list(_others(names, places))
    for path in [] if check else going:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    return going


def _others(names: Collection[str], places: Sequence[Path]) -> Iterator[Path]:
    for place in places:
        if place.is_dir():
            yield from sorted(path for path in place.iterdir() if not any(name in path.name for name in names))
