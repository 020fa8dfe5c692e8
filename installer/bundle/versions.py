"""Which version may follow which."""

import re
from dataclasses import dataclass

from installer.bundle.refusal import FormatUnknown, Older, UpgradePath

VERSION = re.compile(r"(\d{1,9}(?:\.\d{1,9}){0,5})(?:(a|b|rc)(\d{1,9}))?(?:\.dev(\d{1,9}))?")
FINAL = 3


@dataclass(frozen=True, slots=True)
class Release:
    """A version and when it was built, in seconds since 1970: what tells two builds apart."""

    version: str
    built_s: int


def version_key(version: str) -> tuple[tuple[int, ...], int, int, float]:
    """Return what sorts versions such as 1.2, 1.2rc1, 1.2.dev3 in their order; FormatUnknown for anything else."""
    found = VERSION.fullmatch(version)
    if found is None:
        raise FormatUnknown(f"{version!r} is no version.")
    numbers, stage, stage_number, dev = found.groups()
    release = tuple(int(number) for number in numbers.split("."))
    while len(release) > 1 and release[-1] == 0:
        release = release[:-1]
    rank = {"a": 0, "b": 1, "rc": 2}.get(stage, FINAL)
    if dev is not None and stage is None:
        rank = -1  # 1.2.dev3 comes before 1.2a1
    return release, rank, int(stage_number or 0), float(dev) if dev is not None else float("inf")


def check_succession(installed: Release | None, offered: Release, oldest: str, stops: tuple[str, ...]) -> None:
    """Raise Older or UpgradePath where `offered` may not follow what is installed (None: nothing is).

    `oldest` is the lowest version that can be upgraded in one step; no version of `stops` may be skipped.
    """
    if installed is None:
        return
    have, new = version_key(installed.version), version_key(offered.version)
    if new < have:
        raise Older(f"{installed.version} is installed, the bundle is {offered.version}.")
    if new == have:
        if offered.built_s < installed.built_s:
            raise Older(f"Both are {offered.version}, but the installed one was built later.")
        return
    skipped = sorted((stop for stop in stops if have < version_key(stop) < new), key=version_key)
    if skipped:
        raise UpgradePath(f"Upgrade from {installed.version} to {skipped[0]} first, then to {offered.version}.")
    if have < version_key(oldest):
        raise UpgradePath(f"{installed.version} is installed; {offered.version} follows {oldest} or later.")
