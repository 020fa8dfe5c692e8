"""Decoding untrusted recordings in child processes, one recording each, with a spare child kept warm."""

import contextlib
import os
import tempfile
import threading
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from appliance import errors
from appliance.audio.decoded import DecodedAudio
from appliance.audio.process import DecodeLimits, DecoderProcess
from appliance.audio.sniff import SNIFF_BYTES, refuse_what_is_no_recording
from appliance.audio.zygote_link import Zygote


class DecoderPool:
    """Decodes recordings, each in a process of its own that knows nothing else; safe to call from many threads.

    A child that has read one recording is killed, so whatever the recording did to it ends there. `children` bounds how
    many run at once; one spare child is kept locked in, so that a decode does not wait for that.
    """

    def __init__(self, limits: DecodeLimits | None = None, children: int = 2) -> None:
        """Set the limits; the first spare starts when the pool is entered or first used."""
        self.limits = limits or DecodeLimits()
        self.sandbox: tuple[str, ...] = ()
        """The walls that stand around the last child; empty before the first decode."""
        self._zygote = Zygote()
        self._slots = threading.BoundedSemaphore(children)
        self._lock = threading.Lock()
        self._spares: deque[DecoderProcess] = deque()
        self._closed = False

    def __enter__(self) -> Self:
        """Start the spare child."""
        self._restock()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the pool."""
        self.close()

    def close(self) -> None:
        """End the spare child; decodes that are running finish, later ones raise NotReady."""
        with self._lock:
            self._closed = True
            spares, self._spares = list(self._spares), deque()
        for child in spares:
            child.end()
        self._zygote.close()

    def decode(self, source: Path | bytes) -> DecodedAudio:
        """Return a recording as 16 kHz mono PCM with its damage and its measures.

        Blocks for as long as decoding takes, at most `limits.wall_s` once a child is free. Raises AudioMissing,
        AudioEmpty, AudioUnreadable, AudioFormatRefused, NoAudioStream, TooManyChannels, AudioTooLong; Overloaded
        if the machine was too busy for that long; NotReady if the decoder itself cannot start or was stopped from
        outside; OSError for a path that cannot be read.
        """
        with _opened(source) as file:
            refuse_what_is_no_recording(os.pread(file.fileno(), SNIFF_BYTES, 0))
            with self._slots:
                child = self._take()
                try:
                    self._restock()
                    self.sandbox = child.wait_ready()
                    return child.decode(file.fileno(), self.limits)
                finally:
                    child.end()

    def _take(self) -> DecoderProcess:
        with self._lock:
            if self._closed:
                raise errors.NotReady("The audio decoder is closed.")
            return self._spares.popleft() if self._spares else DecoderProcess(self._zygote, self.limits)

    def _restock(self) -> None:
        """Have a spare; where none can start now, the next decode tries again and reports it."""
        with self._lock, contextlib.suppress(errors.NotReady):
            if not self._closed and not self._spares:
                self._spares.append(DecoderProcess(self._zygote, self.limits))


def _opened(source: Path | bytes) -> BinaryIO:
    """Return the recording as an open file with a descriptor; bytes go to a temporary file without a name."""
    if isinstance(source, Path):
        return source.open("rb")
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    file.write(source)
    file.flush()
    return file
