"""Puts parts together again, in any order and over several calls: one stick after the other."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from installer.bundle.parts import PartHeader, part_contents, read_part_header
from installer.bundle.refusal import PartDamaged, PartsMissing, PartsMixed, TargetInTheWay
from installer.bundle.space import FreeBytes, free_bytes, require_space
from installer.bundle.verify import Say


@dataclass(frozen=True, slots=True)
class _Progress:
    """Beside the growing bundle: which bundle it is and which parts it has, so that a later call goes on."""

    notes: Path

    def read(self) -> tuple[dict[str, int | str], set[int]]:
        try:
            document = json.loads(self.notes.read_text())
            return document["whole"], set(document["done"])
        except (OSError, ValueError, KeyError, TypeError):
            return {}, set()

    def write(self, whole: dict[str, int | str], done: set[int]) -> None:
        aside = self.notes.with_name(f"{self.notes.name}.writing")
        aside.write_text(json.dumps({"whole": whole, "done": sorted(done)}))
        aside.rename(self.notes)


def join(parts: Sequence[Path], target: Path, say: Say, free: FreeBytes = free_bytes) -> None:
    """Write the bundle that the parts make to `target`, each part checked on the way.

    Parts that are not given now may come in a later call; PartsMissing names them. Raises PartsMixed if they belong
    to different bundles, before anything is written; PartDamaged for a bad copy, the good ones are kept; NoSpace;
    TargetInTheWay. Whether the bundle is signed and whole is `verify`'s question.
    """
    if target.exists():
        raise TargetInTheWay(f"{target} exists.")
    headers = [(path, _header(path)) for path in parts]
    partial = target.with_name(f"{target.name}.joining")
    progress = _Progress(target.with_name(f"{target.name}.joining.json"))
    whole, done = progress.read()
    if not partial.exists():
        whole, done = {}, set()
    wanted = _one_bundle(headers, whole)
    if not whole:
        require_space(target, headers[0][1].bundle_bytes, free)
    target.parent.mkdir(parents=True, exist_ok=True)
    for path, header in sorted(headers, key=lambda each: each[1].number):
        if header.number in done:
            continue
        _put(path, header, partial)
        done.add(header.number)
        progress.write(wanted, done)
        say(f"part {header.number} of {header.parts}: {header.size_bytes} bytes verified")
    _finish(partial, target, progress, headers[0][1], done)
    say(f"joined: {wanted['bundle_bytes']} bytes in {target}; verify it before use")


def _header(path: Path) -> PartHeader:
    with path.open("rb") as stream:
        return read_part_header(path, stream)


def _whole(header: PartHeader) -> dict[str, int | str]:
    return {"bundle": header.bundle, "bundle_bytes": header.bundle_bytes, "share_bytes": header.share_bytes}


def _one_bundle(headers: list[tuple[Path, PartHeader]], begun: dict[str, int | str]) -> dict[str, int | str]:
    wanted = begun or _whole(headers[0][1])
    for path, header in headers:
        if _whole(header) != wanted:
            first = "what was joined before" if begun else headers[0][0].name
            raise PartsMixed(f"{path.name} and {first} do not belong together.")
    return wanted


def _put(path: Path, header: PartHeader, partial: Path) -> None:
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
    with path.open("rb") as stream, os.fdopen(os.open(partial, flags, 0o644), "r+b") as file:
        if read_part_header(path, stream) != header:
            raise PartDamaged(f"{path} changed while it was read.")
        file.seek(header.offset_bytes)
        for piece in part_contents(path, stream, header):
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())


def _finish(partial: Path, target: Path, progress: _Progress, any_part: PartHeader, done: set[int]) -> None:
    missing = [number for number in range(1, any_part.parts + 1) if number not in done]
    if missing:
        numbers = ", ".join(map(str, missing[:20])) + (", ..." if len(missing) > 20 else "")
        raise PartsMissing(f"Of {any_part.parts} these are still to come: {numbers}. The others are kept.")
    if partial.stat().st_size != any_part.bundle_bytes:
        raise PartDamaged(f"{partial} has {partial.stat().st_size} bytes; remove it and join again.")
    partial.rename(target)
    progress.notes.unlink(missing_ok=True)
