"""The product itself as it was committed: a tree of files from git, whatever lies uncommitted beside them."""

import io
import re
import tarfile
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from installer.build.client import run_client
from installer.build.failure import ComponentsInvalid

REVISION = re.compile(
    r"^(revision|down_revision|readable_by)(?:\s*:[^=]+)?\s*=\s*(?:[\"']([^\"']+)[\"']|None)", re.MULTILINE
)
MIGRATIONS = "appliance/storage/migrations/versions/"


@dataclass(frozen=True, slots=True)
class Product:
    """A commit: its files by path, which of them are executable, and when it was made, in seconds since 1970."""

    name: str
    version: str
    commit: str
    committed_s: int
    files: Mapping[str, bytes]
    executables: frozenset[str]

    @property
    def migrations(self) -> tuple[str, ...]:
        """Return the database's revisions in the order in which they run."""
        after = {found.get("down_revision", ""): found["revision"] for found in self._migrations()}
        order, at = [], ""
        while at in after:
            at = after.pop(at)
            order.append(at)
        if after:
            raise ComponentsInvalid(f"The migrations do not follow each other: {', '.join(sorted(after.values()))}.")
        return tuple(order)

    @property
    def readable_by(self) -> str:
        """Return the oldest revision whose code runs on the newest schema, as its strictest migration says; or ""."""
        return max((found.get("readable_by", found["revision"]) for found in self._migrations()), default="")

    def _migrations(self) -> Iterator[dict[str, str]]:
        """Yield what each migration says of itself."""
        for path, contents in self.files.items():
            if path.startswith(MIGRATIONS) and path.endswith(".py"):
                found = dict(REVISION.findall(contents.decode()))
                if "revision" in found:
                    yield found


def read_product(checkout: Path, commit: str, paths: Sequence[str]) -> Product:
    """Return a commit's files below `paths`; ClientFailed where git does not know it, ComponentsInvalid for links."""
    full = _git(checkout, "rev-parse", "--verify", f"{commit}^{{commit}}").strip()
    committed_s = int(_git(checkout, "show", "--no-patch", "--format=%ct", full))
    archive = run_client(["git", "-C", str(checkout), "archive", "--format=tar", full, "--", *paths])
    files: dict[str, bytes] = {}
    executables = set()
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in tar:
            if member.isdir():
                continue
            stream = tar.extractfile(member) if member.isreg() else None
            if stream is None:
                raise ComponentsInvalid(f"{member.name} is a link; a bundle holds files only.")
            files[member.name] = stream.read()
            if member.mode & 0o100:
                executables.add(member.name)
    project = tomllib.loads(files["pyproject.toml"].decode())["project"]
    return Product(project["name"], project["version"], full, committed_s, files, frozenset(executables))


def _git(checkout: Path, *arguments: str) -> str:
    return run_client(["git", "-C", str(checkout), *arguments]).decode()
