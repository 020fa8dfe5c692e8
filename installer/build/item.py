"""One file that goes into a bundle, and the list of them that a resolution is."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields


@dataclass(frozen=True, slots=True)
class Item:
    """A file to fetch: what it belongs to, its place in the bundle, its hash, and where it comes from.

    `source` is an address or a file for what is fetched directly; empty for what a client of its own brings (Debian
    packages, models). `size_bytes` is -1 where only the transfer will tell.
    """

    kind: str
    name: str
    version: str
    path: str
    sha256: str
    size_bytes: int
    source: str = ""
    licence: str = ""


def encode(items: Sequence[Item]) -> str:
    """Return items as JSON, for the note of what was resolved."""
    return json.dumps([asdict(item) for item in items], indent=1)


def decode(text: str) -> tuple[Item, ...]:
    """Return the items of such a note; ValueError for any other text."""
    try:
        return tuple(Item(**{field.name: each[field.name] for field in fields(Item)}) for each in json.loads(text))
    except (KeyError, TypeError) as error:
        raise ValueError(f"no list of items: {error}") from error
