"""Bytes under names: the interface of the object store, which a folder and an S3 server implement."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from appliance.errors import NotFound


@dataclass(frozen=True)
class StoredObject:
    """One object as a listing tells it; `modified_s` is seconds since the epoch by the store's own clock."""

    name: str
    size_bytes: int
    modified_s: float


class ObjectStore(Protocol):
    """Named, immutable byte strings. Names end in the content's hash, so writing one twice writes the same bytes.

    Every method raises StorageUnavailable while the store is away; the same store object works again when it is back.
    """

    def put(self, name: str, content: bytes) -> None:
        """Store the content durably; after the return it survives a crash."""
        ...

    def put_all(self, contents: Mapping[str, bytes]) -> None:
        """Store several contents durably, by name, faster than one by one; on a failure some of them may be there."""
        ...

    def get(self, name: str) -> bytes:
        """Return the whole content, or raise NotFound."""
        ...

    def open(self, name: str) -> BinaryIO:
        """Return the content as a seekable stream, or raise NotFound; the caller closes it.

        Reading n bytes moves about n bytes, wherever they lie. A deletion in the meantime may end the stream with
        NotFound.
        """
        ...

    def size_bytes(self, name: str) -> int:
        """Return the content's length, or raise NotFound."""
        ...

    def delete(self, name: str) -> None:
        """Remove the content; removing what is not there is fine."""
        ...

    def delete_all(self, names: Collection[str]) -> None:
        """Remove several contents, faster than one by one; on a failure some of them may be there still."""
        ...

    def entries(self, prefix: str) -> Iterator[StoredObject]:
        """Yield every object whose name starts with the prefix, in no promised order.

        What is written or removed meanwhile may be in it or not.
        """
        ...

    def sweep_unfinished(self, older_than_s: float, *, dry_run: bool = False) -> int:
        """Remove what interrupted writes left more than so many seconds ago, and return how many that were.

        A dry run only counts them.
        """
        ...

    def require_writable(self) -> None:
        """Raise StorageUnavailable, with the reason, where a write would be refused now."""
        ...


def checked_name(name: str) -> str:
    """Return the name, or raise NotFound where no object can have it.

    A part may not be empty or start with a dot: `..` leads out of a folder, and a hidden file is a write in progress.
    """
    if any(not part or part.startswith(".") for part in name.split("/")) or not name.isprintable():
        raise NotFound("That is not the name of a stored object.")
    return name
