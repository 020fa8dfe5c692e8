"""All objects of a store as one stream, for backups and for moving between a folder and an S3 server.

The stream is a tar archive: a file per object under its name. Its last member says how many there were, for an archive
that was cut off between two files looks whole to tar.
"""

import io
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

import msgspec

from appliance.errors import CommandFailed, NotFound
from appliance.storage.objects import ObjectStore, checked_name

END = ".end"
"""Name of the last member; no object's name begins with a dot."""
LARGEST_BYTES = 1 << 30
"""More than any object has; an archive that claims more is none of ours."""
AT_ONCE = 100
AT_ONCE_BYTES = 32 << 20
"""How much is stored together: a folder flushes files together that were written together."""


class Saved(msgspec.Struct, frozen=True):
    """What a stream holds."""

    objects: int
    bytes: int


class Loaded(msgspec.Struct, frozen=True):
    """What became of a stream's objects."""

    objects: int
    """Stored now."""
    bytes: int
    there: int
    """Left as they were, since the store had something under that name."""


def save(store: ObjectStore, stream: BinaryIO, prefix: str = "") -> Saved:
    """Write every object whose name starts so; what is deleted or added meanwhile may be in it or not."""
    objects = total_bytes = 0
    with tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as archive:
        for entry in store.entries(prefix):
            with suppress(NotFound):  # deleted since it was listed
                content = store.get(entry.name)
                _add(archive, entry.name, content, int(entry.modified_s))
                objects, total_bytes = objects + 1, total_bytes + len(content)
        saved = Saved(objects, total_bytes)
        _add(archive, END, msgspec.json.encode(saved), 0)
    return saved


def load(store: ObjectStore, stream: BinaryIO) -> Loaded:
    """Store every object of a stream that the store has nothing for; CommandFailed where the stream is not whole.

    Nothing is overwritten or deleted, tombstones least of all, so a load that was cut off may be done again. What came
    before the place where a stream is damaged is stored.
    """
    objects = total_bytes = there = 0
    batch: dict[str, bytes] = {}
    ended = None
    with _reading(), tarfile.open(fileobj=stream, mode="r|") as archive, _stored_in_the_end(store, batch):
        for name, content in _members(archive):
            if name == END:
                ended = msgspec.json.decode(content, type=Saved)
                continue
            if name in batch or _has(store, name):
                there += 1
                continue
            batch[name] = content
            objects, total_bytes = objects + 1, total_bytes + len(content)
            if len(batch) == AT_ONCE or sum(map(len, batch.values())) >= AT_ONCE_BYTES:
                store.put_all(batch)
                batch.clear()
    if ended is None or ended.objects != objects + there:
        raise CommandFailed(f"The stream of objects ends too early: {objects + there} came. What came is stored.")
    return Loaded(objects, total_bytes, there)


@contextmanager
def _stored_in_the_end(store: ObjectStore, batch: dict[str, bytes]) -> Iterator[None]:
    """Store what has come whole, also where the stream breaks off after it."""
    try:
        yield
    finally:
        store.put_all(batch)


def _add(archive: tarfile.TarFile, name: str, content: bytes, modified_s: int) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mtime, member.mode = len(content), modified_s, 0o600
    archive.addfile(member, io.BytesIO(content))


def _members(archive: tarfile.TarFile) -> Iterator[tuple[str, bytes]]:
    for member in archive:
        if not member.isreg() or member.size > LARGEST_BYTES:
            raise CommandFailed(f"The stream is not one of objects: {member.name!r} is no object.")
        name = member.name if member.name == END else _checked(member.name)
        file = archive.extractfile(member)
        yield name, file.read() if file else b""


def _checked(name: str) -> str:
    try:
        return checked_name(name)
    except NotFound:
        raise CommandFailed(f"The stream is not one of objects: {name!r} is no object's name.") from None


def _has(store: ObjectStore, name: str) -> bool:
    try:
        store.size_bytes(name)
    except NotFound:
        return False
    return True


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except (tarfile.TarError, msgspec.MsgspecError, EOFError) as failure:
        raise CommandFailed(f"The stream of objects cannot be read: {failure}. What came before is stored.") from None
