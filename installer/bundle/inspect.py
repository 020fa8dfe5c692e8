"""Looks into a bundle without unpacking it: a file, its first part, a pipe, or the folder it was unpacked to."""

from collections.abc import Mapping
from io import BufferedReader
from pathlib import Path

from installer.bundle.keys import TrustedKey
from installer.bundle.metadata import Metadata, parse_metadata
from installer.bundle.parts import FORMAT as PART_FORMAT
from installer.bundle.parts import HEADER_BYTES
from installer.bundle.reader import METADATA, SIGNATURE, Front, read_front
from installer.bundle.refusal import NotABundle
from installer.bundle.space import gibibytes

LONGEST_LICENCE = 60


def front_of(path: Path) -> Front:
    """Return the first two members of what lies at `path`, unchecked; NotABundle for anything else."""
    if path.is_dir():
        try:
            return Front((path / METADATA).read_bytes(), (path / SIGNATURE).read_bytes(), None)
        except FileNotFoundError:
            raise NotABundle(f"{path} is a folder without a bundle's metadata.") from None
    with path.open("rb") as stream:
        return front_of_stream(stream)


def front_of_stream(stream: BufferedReader) -> Front:
    """Return the first two members that come from a stream; no more of it is read, and it need not be seekable."""
    if PART_FORMAT.encode() in stream.peek(HEADER_BYTES)[:HEADER_BYTES]:
        stream.read(HEADER_BYTES)
    return read_front(stream)


def described(front: Front, keys: Mapping[str, TrustedKey]) -> tuple[Metadata, list[str]]:
    """Return the metadata and lines that tell it; SignatureWrong where a trusted key's signature does not fit."""
    signer = front.signer(keys)
    about = parse_metadata(front.raw)
    lines = [
        f"{about.title}",
        f"signed        {signer}",
        f"made for      {about.host.os}, {about.host.architecture}, Python {about.host.python}",
        f"follows       {about.upgrade_oldest} or later" + _stops(about),
        f"preset        {about.preset}; object store: {about.object_store}",
        *(f"environment   {each.name}: {each.cuda}{_driver(each.driver_minimum)}" for each in about.environments),
        f"migrations    {len(about.migrations)}, last {about.migrations[-1] if about.migrations else 'none'}"
        + (f", for code that knows {about.readable_by}" if about.readable_by else ""),
        f"files         {about.checksums.files}, {gibibytes(about.checksums.size_bytes)}",
    ]
    rows = [(c.kind, c.name, c.version, gibibytes(c.size_bytes), _short(c.licence)) for c in about.components]
    return about, lines + table([("kind", "name", "version", "size", "licence"), *rows])


def table(rows: list[tuple[str, ...]]) -> list[str]:
    """Return rows of cells as aligned lines."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_LICENCE else text[: LONGEST_LICENCE - 3] + "..."


def _stops(about: Metadata) -> str:
    return f", never past {', '.join(about.required_stops)}" if about.required_stops else ""


def _driver(minimum: int) -> str:
    return f", NVIDIA driver {minimum} or later" if minimum else ""
