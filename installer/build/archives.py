"""Reads what wheels and Debian packages say of themselves: name, version, licence, and the licences' texts."""

import email.parser
import io
import re
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from installer.build.client import run_client
from installer.build.licences import UNSTATED

LICENCE_NAMES = re.compile(r"(licen[cs]e|copying|notice|authors)", re.IGNORECASE)
CLASSIFIER = "License :: OSI Approved :: "
LARGEST_TEXT_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Described:
    """An archive's own words: its licence in short, and the licence texts by file name."""

    licence: str
    texts: dict[str, bytes]


def describe_wheel(path: Path) -> Described:
    """Return what a wheel's METADATA says, and the texts beside it."""
    with zipfile.ZipFile(path) as wheel:
        names = [name for name in wheel.namelist() if name.split("/")[0].endswith(".dist-info")]
        metadata = next(name for name in names if name.count("/") == 1 and name.endswith("/METADATA"))
        message = email.parser.BytesParser().parsebytes(wheel.read(metadata), headersonly=True)
        texts = {
            "_".join(PurePosixPath(name).parts[1:]): wheel.read(name)
            for name in names
            if LICENCE_NAMES.search(name.split("/", 1)[-1]) and wheel.getinfo(name).file_size <= LARGEST_TEXT_BYTES
            and not name.endswith("/")
        }  # fmt: skip
    stated = message.get("License-Expression") or ""
    classified = [each.removeprefix(CLASSIFIER) for each in message.get_all("Classifier", []) if CLASSIFIER in each]
    # Older projects put the whole text into this field; only one that reads like a name is one.
    free = message.get("License", "").strip()
    short = free if free and "\n" not in free and len(free) <= 80 else ""
    return Described(str(stated or short or " AND ".join(classified) or f"{UNSTATED}licence files"), texts)


def describe_deb(path: Path) -> Described:
    """Return the licences that a package's copyright file names, and that file."""
    for name, contents in _documents(path):
        names = sorted({match.strip() for match in re.findall(r"^License:[ \t]*(\S[^\n]*)$", contents, re.MULTILINE)})
        return Described(" AND ".join(names) or f"{UNSTATED}copyright file", {name: contents.encode()})
    return Described(f"{UNSTATED}copyright file", {})


def control_of(path: Path) -> str:
    """Return a package's control fields as they stand in a repository's list."""
    return run_client(["dpkg-deb", "--field", str(path)]).decode().strip("\n")


def _documents(path: Path) -> Iterator[tuple[str, str]]:
    archive = run_client(["dpkg-deb", "--fsys-tarfile", str(path)])
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in tar:
            is_copyright = member.name.startswith("./usr/share/doc/") and member.name.endswith("/copyright")
            if is_copyright and member.isreg() and member.size <= LARGEST_TEXT_BYTES:
                stream = tar.extractfile(member)
                yield "copyright", stream.read().decode(errors="replace") if stream else ""
