"""Waiting for signals without missing one: a process that ended, or the wish that this one end."""

import select
import signal
import socket
from types import FrameType, TracebackType
from typing import Self

_ENDS = (signal.SIGTERM, signal.SIGINT)


class Signals:
    """`wait` returns when a signal came, even one that came just before; used by the main thread."""

    def __init__(self) -> None:
        """Nothing is changed before it is entered."""
        self.stopping = False
        self._read, self._write = socket.socketpair()
        self._before: dict[int, object] = {}
        self._fd_before = -1

    def __enter__(self) -> Self:
        """Take over SIGTERM, SIGINT and SIGCHLD."""
        for end in (self._read, self._write):
            end.setblocking(False)
        # Through a file descriptor and not an Event: a handler that sets an Event may interrupt the very code that
        # holds the Event's lock, and wait for it for ever.
        self._fd_before = signal.set_wakeup_fd(self._write.fileno(), warn_on_full_buffer=False)
        for number in _ENDS:
            self._before[number] = signal.signal(number, self._end)
        self._before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Put back what was there."""
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        signal.set_wakeup_fd(self._fd_before)
        self._read.close()
        self._write.close()

    def wait(self, timeout_s: float) -> None:
        """Return after a signal, or after so many seconds."""
        if select.select([self._read], [], [], timeout_s)[0]:
            self._read.recv(4096)

    def _end(self, number: int, frame: FrameType | None) -> None:
        self.stopping = True
