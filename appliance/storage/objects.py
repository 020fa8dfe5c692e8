"""Bytes under names: the object store's interface and the folder that implements it."""

import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

from appliance.errors import NotFound, StorageUnavailable


class ObjectStore(Protocol):
    """Named, immutable byte strings. Names end in the content's hash, so writing one twice writes the same bytes."""

    def put(self, name: str, content: bytes) -> None:
        """Store the content durably; after the return it survives a crash."""
        ...

    def get(self, name: str) -> bytes:
        """Return the whole content, or raise NotFound."""
        ...

    def open(self, name: str) -> BinaryIO:
        """Return the content as a seekable stream, or raise NotFound; the caller closes it."""
        ...

    def size_bytes(self, name: str) -> int:
        """Return the content's length, or raise NotFound."""
        ...

    def delete(self, name: str) -> None:
        """Remove the content; removing what is not there is fine."""
        ...

    def names(self, prefix: str) -> Iterator[str]:
        """Yield every name that starts with the prefix."""
        ...


class FolderStore:
    """An object store in a local folder: files are written aside, flushed to disk, then renamed into place."""

    def __init__(self, folder: Path) -> None:
        """Use (and make) the folder; only this user may look into it."""
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def put(self, name: str, content: bytes) -> None:
        """Store the content durably; after the return it survives a crash."""
        path = self._path(name)
        aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with aside.open("wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            aside.replace(path)
            _flush_folder(path.parent)
        except OSError as failure:
            aside.unlink(missing_ok=True)
            raise StorageUnavailable("The object store cannot be written to.") from failure

    def get(self, name: str) -> bytes:
        """Return the whole content, or raise NotFound."""
        with self.open(name) as stream:
            return stream.read()

    def open(self, name: str) -> BinaryIO:
        """Return the content as a seekable stream, or raise NotFound; the caller closes it."""
        try:
            return self._path(name).open("rb")
        except FileNotFoundError:
            raise NotFound("The stored audio is no longer kept.") from None

    def size_bytes(self, name: str) -> int:
        """Return the content's length, or raise NotFound."""
        try:
            return self._path(name).stat().st_size
        except FileNotFoundError:
            raise NotFound("The stored audio is no longer kept.") from None

    def delete(self, name: str) -> None:
        """Remove the content; removing what is not there is fine."""
        self._path(name).unlink(missing_ok=True)

    def names(self, prefix: str) -> Iterator[str]:
        """Yield every name that starts with the prefix."""
        for path in sorted(self._folder.rglob("*")):
            name = path.relative_to(self._folder).as_posix()
            if path.is_file() and not path.name.startswith(".") and name.startswith(prefix):
                yield name

    def _path(self, name: str) -> Path:
        path = self._folder / name
        if ".." in path.parts or not path.is_relative_to(self._folder):
            raise NotFound("That is not the name of a stored object.")
        return path


def _flush_folder(folder: Path) -> None:
    """Write the folder's entries to disk: without it a power cut may lose the name of a file that is there."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
