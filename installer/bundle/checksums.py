"""`checksums.sha256`: one line per file, in the order in which the files lie in the bundle; `sha256sum -c` reads it."""

import hashlib
import re
from collections.abc import Iterable, Mapping

from installer.bundle.container import safe_path
from installer.bundle.refusal import Damaged, MemberRefused

LARGEST_BYTES = 64 << 20
LINE = re.compile(r"([0-9a-f]{64})  (.+)")


def encode(sha256_by_path: Mapping[str, str]) -> bytes:
    """Return the list's bytes, in the mapping's order."""
    return "".join(f"{sha256}  {path}\n" for path, sha256 in sha256_by_path.items()).encode()


def parse(raw: bytes) -> dict[str, str]:
    """Return the hashes by path, in the list's order.

    Raises Damaged for a line that is none and MemberRefused for paths that cannot lie beside each other.
    """
    found: dict[str, str] = {}
    lines = raw.decode("latin-1").split("\n")
    if lines.pop() != "":
        raise Damaged("The list of checksums does not end with a line's end.")
    for line in lines:
        match = LINE.fullmatch(line)
        if match is None:
            raise Damaged(f"The list of checksums has the line {line[:120]!r}.")
        sha256, path = match.groups()
        if not safe_path(path):
            raise MemberRefused(f"{path!r} is no path inside a bundle.")
        if path in found:
            raise MemberRefused(f"{path} is listed twice.")
        found[path] = sha256
    _check_places(found)
    return found


def _check_places(paths: Iterable[str]) -> None:
    folders = {path[:at] for path in paths for at, letter in enumerate(path) if letter == "/"}
    both = sorted(folders.intersection(paths))
    if both:
        raise MemberRefused(f"{both[0]} is a file and a folder.")


def tree_sha256(sha256_by_path: Mapping[str, str]) -> str:
    """Return one hash for several files: the hash itself where there is one, else that of their sorted list."""
    if len(sha256_by_path) == 1:
        return next(iter(sha256_by_path.values()))
    return hashlib.sha256(encode(dict(sorted(sha256_by_path.items())))).hexdigest()
