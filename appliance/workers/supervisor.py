"""Keeping the worker child alive: starts it, rings it, starts it again when it dies, ends it with the API."""

import logging
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self

log = logging.getLogger(__name__)

FIRST_BACKOFF_S = 0.5
LONGEST_BACKOFF_S = 30.0
STEADY_S = 30.0
"""A child that lived this long starts the back-off over."""
FINISH_BATCH_S = 20.0
"""How long a child may take for the batch in hand when it is asked to end; longer, and its lease runs out instead."""


class Supervisor:
    """Runs one `appliance.workers.child` at a time."""

    def __init__(self, environment: Mapping[str, str], module: str = "appliance.workers.child") -> None:
        """Give the child this environment, which holds the settings as variables."""
        self._environment = dict(environment)
        self._command = (sys.executable, "-m", module)
        self._lock = threading.Lock()
        self._bell: socket.socket | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._supervise, name="worker-supervisor", daemon=True)

    def __enter__(self) -> Self:
        """Start the child."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let the child finish its batch, then make sure that it is gone."""
        self._closing.set()
        with self._lock:
            child, bell = self._child, self._bell
            self._bell = None
        if bell is not None:
            bell.close()
        if child is not None:
            try:
                child.wait(FINISH_BATCH_S)
            except subprocess.TimeoutExpired:
                child.kill()
        self._thread.join()

    @property
    def pid(self) -> int | None:
        """Return the child's process id, None while there is no child."""
        with self._lock:
            return self._child.pid if self._child is not None and self._child.returncode is None else None

    def end(self, pid: int) -> None:
        """End the child at once, if it still is this process; another is started."""
        with self._lock:
            if self._child is not None and self._child.pid == pid:
                self._child.kill()

    def ring(self) -> None:
        """Tell the child that there is work; with no child, its successor looks for itself."""
        with self._lock:
            bell = self._bell
        if bell is None:
            return
        try:
            bell.send(b"\n", socket.MSG_DONTWAIT)
        except (BlockingIOError, OSError):
            # A full buffer means rings are waiting to be read; a broken one means the child is being replaced.
            log.debug("ring not delivered")

    def _supervise(self) -> None:
        backoff_s = FIRST_BACKOFF_S
        while not self._closing.is_set():
            started_s = time.monotonic()
            try:
                child = self._start()
            except OSError as failure:
                # No memory, no file descriptors: it passes, and this thread is all that can start a worker then.
                log.error("the worker could not be started: %s", failure.strerror)
            else:
                code = child.wait() if child is not None else None
                if self._closing.is_set():
                    return
                log.warning("the worker ended with %s and is started again", code)
            if time.monotonic() - started_s > STEADY_S:
                backoff_s = FIRST_BACKOFF_S
            self._closing.wait(backoff_s)
            backoff_s = min(2 * backoff_s, LONGEST_BACKOFF_S)

    def _start(self) -> subprocess.Popen[bytes] | None:
        """Start a child with a bell of its own; None, and no child, when the supervisor is closing."""
        with self._lock:
            # Under the lock: a child started after `__exit__` looked would have a bell that nobody closes.
            if self._closing.is_set():
                return None
            ours, theirs = socket.socketpair()
            with theirs:
                try:
                    self._child = subprocess.Popen(self._command, stdin=theirs.fileno(), env=self._environment)
                except OSError:
                    ours.close()
                    raise
            if self._bell is not None:
                self._bell.close()
            self._bell = ours
            return self._child
