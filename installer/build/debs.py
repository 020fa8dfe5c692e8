"""Debian packages with everything they need, chosen by apt's own solver for a machine that has nothing installed."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from installer.build.cache import Cache, sha256_of
from installer.build.client import run_client
from installer.build.failure import ChecksumWrong, ClientFailed, FetchFailed
from installer.build.item import Item

SOURCES = (Path("/etc/apt/sources.list.d/debian.sources"), Path("/etc/apt/sources.list"))
DEBIAN_ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}
PRINTED = re.compile(r"'(?P<url>[^']+)' (?P<file>\S+) (?P<size>\d+)(?: SHA256:(?P<sha256>[0-9a-f]{64}))?")


@dataclass(frozen=True, slots=True)
class Apt:
    """apt with folders of its own and an empty list of installed packages: this machine's are not seen."""

    root: Path
    architecture: str
    sources: Path

    @classmethod
    def prepare(cls, root: Path, architecture: str, sources: Path | None = None) -> "Apt":
        """Make the folders; `sources` is an apt source list, by default the machine's own for Debian."""
        for name in ("state/lists/partial", "cache/archives/partial", "cache/none/partial", "etc"):
            (root / name).mkdir(parents=True, exist_ok=True)
        (root / "state/status").write_text("")
        found = sources or next((path for path in SOURCES if path.is_file()), SOURCES[-1])
        return cls(root, DEBIAN_ARCHITECTURE.get(architecture, architecture), found)

    def run(self, *arguments: str) -> str:
        """Return what apt-get printed."""
        options = {
            "Dir::State": f"{self.root}/state", "Dir::State::status": f"{self.root}/state/status",
            "Dir::Cache": f"{self.root}/cache", "Dir::Etc": f"{self.root}/etc",
            "Dir::Etc::sourcelist": str(self.sources.absolute()), "Dir::Etc::sourceparts": "-",
            "Dir::Etc::trusted": "/etc/apt/trusted.gpg", "Dir::Etc::trustedparts": "/etc/apt/trusted.gpg.d",
            "APT::Architecture": self.architecture, "APT::Architectures": self.architecture,
            "APT::Install-Recommends": "false", "APT::Get::List-Cleanup": "false", "Acquire::Languages": "none",
            "Acquire::ForceHash": "SHA256", "Acquire::Retries": "3", "Debug::NoLocking": "true",
            "Dpkg::Use-Pty": "false",
        }  # fmt: skip
        if os.geteuid() == 0:
            options["APT::Sandbox::User"] = "root"  # the cache may lie where the user _apt cannot go
        given = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        return run_client(["apt-get", "-q", *given, *arguments], extra={"DEBIAN_FRONTEND": "noninteractive"}).decode()


def resolve_debs(packages: Sequence[str], apt: Apt) -> list[Item]:
    """Return the packages and all that they depend on, as apt would install them on an empty machine today."""
    if not packages:
        return []
    apt.run("update")
    # apt names no address for what it has brought already, so it is shown an empty folder.
    unseen = ("-o", f"Dir::Cache::archives={apt.root.absolute()}/cache/none")
    printed = apt.run(*unseen, "install", "--print-uris", "--yes", "--no-install-recommends", *packages)
    found = [match for line in printed.splitlines() if (match := PRINTED.fullmatch(line.strip()))]
    if not found:
        raise ClientFailed(f"apt-get found nothing to install for {', '.join(packages)}.")
    return sorted((_item(match) for match in found), key=lambda item: item.path)


def _item(match: re.Match[str]) -> Item:
    name, version, _ = unquote(match["file"]).removesuffix(".deb").rsplit("_", 2)
    if match["sha256"] is None:
        raise ChecksumWrong(f"The repository gives no SHA-256 for {match['file']}.")
    # A colon of the version is escaped in apt's file name; as a path in a bundle it may stay.
    path = f"debs/{match['file']}"
    return Item("deb", name, version, path, match["sha256"], int(match["size"]), match["url"])


def fetch_debs(items: Sequence[Item], packages: Sequence[str], apt: Apt, cache: Cache) -> None:
    """Bring the resolved packages into the cache; apt itself goes on where it was cut, and checks each."""
    missing = [item for item in items if not cache.holds(item.sha256, item.size_bytes)]
    if not missing:
        return
    apt.run("install", "--download-only", "--yes", "--no-install-recommends", *packages)
    for item in missing:
        file = apt.root / "cache" / "archives" / item.path.removeprefix("debs/")
        if item.source.startswith("file:"):  # a repository on this machine, from which apt copies nothing
            file = Path(unquote(item.source.removeprefix("file:")))
        if not file.is_file():
            raise FetchFailed(f"apt-get did not bring {item.name} {item.version}: resolve anew with --refresh.")
        if sha256_of(file) != item.sha256:
            raise ChecksumWrong(f"{file.name} is not the file that was resolved.")
        cache.add(file, item.sha256)
