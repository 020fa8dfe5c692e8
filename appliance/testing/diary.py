"""A file in which processes write down when they began something, for whoever measures them."""

import os
import time
from pathlib import Path

import msgspec


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that began; `at_s` is Unix time, as the database's times are on the same host."""

    what: str
    at_s: float
    pid: int
    count: int = 1
    text: str = ""


class Diary:
    """Any number of processes write to it and read it."""

    def __init__(self, path: Path) -> None:
        """Keep it in this file, made at the first entry."""
        self._path = path
        self._read_bytes = 0
        self._entries: list[Entry] = []

    def note(self, what: str, count: int = 1, text: str = "") -> None:
        """Write down what begins now."""
        entry = Entry(what=what, at_s=time.time(), pid=os.getpid(), count=count, text=text)
        # One write to a file opened for appending: entries of several processes do not mix.
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, msgspec.json.encode(entry) + b"\n")
        finally:
            os.close(descriptor)

    def entries(self) -> list[Entry]:
        """Return everything written so far, in order."""
        if self._path.exists():
            with self._path.open("rb") as stream:
                stream.seek(self._read_bytes)
                whole, _, _ = stream.read().rpartition(b"\n")
            if whole:
                self._read_bytes += len(whole) + 1
                self._entries += [msgspec.json.decode(line, type=Entry) for line in whole.split(b"\n")]
        return self._entries
