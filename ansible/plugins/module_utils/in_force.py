"""Whether a unit runs with what lies on the disk now: judged by times, so that what an interrupted run left is seen."""

import datetime
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

PROPERTIES = (
    "LoadState", "ActiveState", "UnitFileState", "NeedDaemonReload", "FragmentPath", "DropInPaths",
    "InactiveExitTimestamp", "InactiveExitTimestampMonotonic",
)  # fmt: skip
"""What `parse_unit` reads; the first time is that of the last start's beginning, whoever asked for it."""
GENERATED = "/run/systemd/generator"
"""Files there are written anew with every daemon-reload and say nothing about a change."""
OWN_UNITS = "/etc/systemd/system"
COARSE_S = 0.02
"""File systems take times from a clock that is up to one tick of the kernel behind."""


@dataclass(frozen=True)
class Unit:
    """What systemd says about a unit."""

    known: bool
    runs: bool
    starting: bool
    """Whether its program has read what it reads and has not said yet that it serves, or waits to be tried again."""
    failed: bool
    enabled: bool
    read_before_change: bool
    """Whether systemd has read the unit's files before they were changed last."""
    started_s: float
    """When its last start began, in seconds since 1970; 0 where it was never started."""
    own_files: tuple[str, ...]
    """The unit and its drop-ins."""


@dataclass(frozen=True)
class Act:
    """What is to be done, `nothing`, `start`, `restart` or `reload`, and why."""

    verb: str
    reason: str = ""


def parse_unit(shown: str, now_s: float, monotonic_s: float) -> Unit:
    """Return the unit of `systemctl show --timestamp=us+utc`; KeyError where a property is missing.

    The clock may have been set, and the machine may have slept, since the unit was started: of the two times that its
    start can be reckoned by the earlier one counts, which costs at most one restart that was not needed.
    """
    value = dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)
    since_boot_s = int(value["InactiveExitTimestampMonotonic"] or 0) / 1e6
    started_s = 0.0
    if since_boot_s:
        started_s = min(_seconds(value["InactiveExitTimestamp"]), now_s - (monotonic_s - since_boot_s))
    own = [value["FragmentPath"], *value["DropInPaths"].split()]
    return Unit(
        known=value["LoadState"] == "loaded",
        runs=value["ActiveState"] in ("active", "reloading"),
        starting=value["ActiveState"] == "activating",
        failed=value["ActiveState"] == "failed",
        enabled=value["UnitFileState"] in ("enabled", "enabled-runtime", "static", "alias", "generated"),
        read_before_change=value["NeedDaemonReload"] == "yes",
        started_s=started_s,
        own_files=tuple(path for path in own if path and not path.startswith(GENERATED)),
    )


def judge(unit: Unit, files: Iterable[str], *, reloads: bool, reloaded_s: float, start: bool) -> Act:
    """Return what brings the unit to what its files say now.

    `files` are read by its program, when it starts or, with `reloads`, also when it is reloaded, as was done last at
    `reloaded_s` (0: never). The unit's own files are read at a start alone. `start` says whether one that does not run
    is to be started. One that is still starting is waited for only where it starts with what the files say now: else a
    program that never comes to serve would be waited for by whoever brings the one that does.
    """
    if not (unit.runs or unit.starting):
        return Act("start", "it did not run") if start else Act("nothing")
    if unit.read_before_change:
        return Act("restart", "its unit was changed")
    if newer := _newer(unit.own_files, unit.started_s):
        return Act("restart", f"{newer} is newer than its start")
    if not reloads and (newer := _newer(files, unit.started_s)):
        return Act("restart", f"{newer} is newer than its start")
    if reloads and (newer := _newer(files, max(unit.started_s, reloaded_s))):
        return Act("reload" if unit.runs else "restart", f"{newer} is newer than its last look")
    if unit.starting and start:
        return Act("start", "it was still starting")
    return Act("nothing")


def unread(name: str, own_files: Iterable[str], folder: str = OWN_UNITS) -> list[str]:
    """Return the unit's additions in `folder` that systemd does not name among its files.

    systemd sees a new file in a folder of additions that it knows, but a new folder only when it reads all units anew.
    """
    return sorted({str(path) for path in Path(folder, f"{name}.d").glob("*.conf")} - {*own_files})


def changed_s(path: str) -> float:
    """Return when a file, a link or what it leads to, or a folder with its entries was changed last; 0 for nothing."""
    place = Path(path)
    looked = [place]
    if place.is_dir() and not place.is_symlink():
        looked += place.iterdir()
    return max((max(_times(each)) for each in looked), default=0.0)


def _newer(files: Iterable[str], than_s: float) -> str:
    return next((path for path in files if changed_s(path) > than_s - COARSE_S), "")


def _times(path: Path) -> Iterable[float]:
    # Of contents and of owner, mode and name: what comes by rename keeps the time of its writing.
    yield 0.0
    try:
        own = os.lstat(path)
        yield max(own.st_mtime, own.st_ctime)
        if path.is_symlink() and path.is_file():
            there = path.stat()
            yield max(there.st_mtime, there.st_ctime)
    except FileNotFoundError:
        return


def _seconds(text: str) -> float:
    """Return seconds since 1970 of `Thu 2026-11-26 23:17:11.123456 UTC`."""
    _, day, time, _ = text.split()
    parsed = datetime.datetime.strptime(f"{day} {time}", "%Y-%m-%d %H:%M:%S.%f")
    return parsed.replace(tzinfo=datetime.UTC).timestamp()
