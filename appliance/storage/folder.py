"""The object store in a local folder."""

import os
import re
import secrets
import shutil
import stat
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from itertools import repeat
from pathlib import Path
from typing import BinaryIO

from appliance import notify
from appliance.clock import Clock, SystemClock
from appliance.errors import NotFound, StorageUnavailable
from appliance.storage.objects import StoredObject, checked_name

_AT_ONCE = 4
_UNFINISHED = re.compile(r"\..+\.[0-9a-f]{8}")


class FolderStore:
    """Files are written aside, flushed to disk, then renamed into place."""

    def __init__(self, folder: Path, reserve_bytes: int = 0, clock: Clock | None = None) -> None:
        """Use (and make) the folder; only this user may look into it.

        Writes are refused where they would leave less than `reserve_bytes` free on the disk. 0: never for that reason.
        """
        self._folder = folder
        self._reserve_bytes = reserve_bytes
        self._clock = clock or SystemClock()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def put(self, name: str, content: bytes) -> None:
        """Store the content durably; after the return it survives a crash."""
        self.put_all({name: content})

    def put_all(self, contents: Mapping[str, bytes]) -> None:
        """Store several contents durably; on a failure some of them may be there."""
        if not contents:
            return
        paths = {self._path(name): content for name, content in contents.items()}
        self._require_room(sum(map(len, paths.values())))
        folders = {path.parent for path in paths}
        with _writing(), ExitStack() as undone:
            self._make_folders(folders)
            written = [_write_aside(path, content, undone) for path, content in paths.items()]
            _flush_all(written)
            for path, aside in zip(paths, written, strict=True):
                aside.replace(path)
            undone.pop_all()
            _flush_all(folders)

    def get(self, name: str) -> bytes:
        """Return the whole content, or raise NotFound."""
        with self.open(name) as stream, _reading():
            return stream.read()

    def open(self, name: str) -> BinaryIO:
        """Return the content as a seekable stream, or raise NotFound; the caller closes it."""
        path = self._path(name)
        with _reading():
            return path.open("rb")

    def size_bytes(self, name: str) -> int:
        """Return the content's length, or raise NotFound."""
        path = self._path(name)
        with _reading():
            facts = path.stat()
            if not stat.S_ISREG(facts.st_mode):
                raise IsADirectoryError
            return facts.st_size

    def delete(self, name: str) -> None:
        """Remove the content; removing what is not there is fine."""
        self.delete_all([name])

    def delete_all(self, names: Collection[str]) -> None:
        """Remove several contents, side by side: each waits for what the file system is flushing."""
        _side_by_side(_unlink, [self._path(name) for name in names])

    def entries(self, prefix: str) -> Iterator[StoredObject]:
        """Yield every object whose name starts with the prefix, in no promised order."""
        for path in _files(self._path(f"{prefix}x").parent):
            name = path.relative_to(self._folder).as_posix()
            if path.name.startswith(".") or not name.startswith(prefix):
                continue
            with suppress(NotFound):  # removed since the folder was read
                with _reading():
                    facts = path.stat()
                yield StoredObject(name, facts.st_size, facts.st_mtime)

    def sweep_unfinished(self, older_than_s: float, *, dry_run: bool = False) -> int:
        """Remove what interrupted writes left more than so many seconds ago, and return how many that were.

        A dry run only counts them.
        """
        before_s = self._clock.now_s() - older_than_s
        swept = 0
        for path in notify.alive_through(_files(self._folder)):
            if _UNFINISHED.fullmatch(path.name) is None:
                continue
            with suppress(NotFound), _reading():  # its writer finished, or another sweep was faster
                if path.stat().st_mtime < before_s:
                    if not dry_run:
                        path.unlink()
                    swept += 1
        return swept

    def require_writable(self) -> None:
        """Raise StorageUnavailable where the disk is nearly full or the folder is gone."""
        self._require_room(0)

    def _require_room(self, more_bytes: int) -> None:
        with _writing():
            free_bytes = shutil.disk_usage(self._folder).free
        if self._reserve_bytes and free_bytes - more_bytes < self._reserve_bytes:
            raise StorageUnavailable("The disk of the object store is nearly full; nothing new is written to it.")

    def _path(self, name: str) -> Path:
        return self._folder / checked_name(name)

    def _make_folders(self, folders: Collection[Path]) -> None:
        """Make folders below the store's and write their names to disk: what lies in a lost folder is lost too."""
        grown: set[Path] = set()
        for folder in folders:
            self._make_folder(folder, grown)
        # Each parent once: a batch of new owners has a folder for each of them in the same one.
        _flush_all(grown)

    def _make_folder(self, folder: Path, grown: set[Path]) -> None:
        if folder == self._folder or folder.is_dir():
            return
        self._make_folder(folder.parent, grown)
        folder.mkdir(exist_ok=True, mode=0o700)
        grown.add(folder.parent)


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        raise NotFound("The stored audio is no longer kept.") from None
    except OSError as failure:
        raise StorageUnavailable("The object store cannot be read.") from failure


@contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except OSError as failure:
        raise StorageUnavailable("The object store cannot be written to.") from failure


def _files(start: Path) -> Iterator[Path]:
    for folder, _, files in os.walk(start, onerror=_unless_gone):
        for file in files:
            yield Path(folder, file)


def _unless_gone(failure: OSError) -> None:
    """Let a listing go on past a folder that is not there; any other failure would shorten it unseen."""
    if not isinstance(failure, FileNotFoundError | NotADirectoryError):
        raise StorageUnavailable("The object store cannot be read.") from failure


def _write_aside(path: Path, content: bytes, undone: ExitStack) -> Path:
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    undone.callback(_remove, aside)
    aside.write_bytes(content)
    return aside


def _remove(aside: Path) -> None:
    with suppress(OSError):
        aside.unlink()


def _flush(path: Path) -> None:
    """Write a file to disk, or a folder's entries: a power cut may lose the name of a file that is there."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _flush_all(paths: Collection[Path]) -> None:
    """Write files or folders to disk; a file system flushes what was written together together."""
    _side_by_side(_flush, paths)


def _unlink(path: Path) -> None:
    with suppress(NotFound), _reading():
        path.unlink()


def _side_by_side(call: Callable[[Path], None], paths: Collection[Path]) -> None:
    """Call for each path in a few threads; each takes a share, since to hand a path over costs as much as a call."""
    shares = [list(paths)[first::_AT_ONCE] for first in range(min(_AT_ONCE, len(paths)))]
    if len(shares) <= 1:
        _in_turn(call, paths)
        return
    with ThreadPoolExecutor(len(shares), thread_name_prefix="files") as threads:
        list(threads.map(_in_turn, repeat(call), shares))


def _in_turn(call: Callable[[Path], None], paths: Collection[Path]) -> None:
    for path in paths:
        call(path)
