"""Runs the pipeline without a network in a process of its own, and watches every socket of it and its children."""

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec

from appliance.doctor.child import WITNESS
from appliance.doctor.report import AirGap, Attempt, Step
from appliance.doctor.witness import Witnessed, hear

LIMIT_S = 1800.0
"""For loading the models and one note, on the slowest machine; what hangs is ended."""
_MESSAGE_BYTES = 1 << 16
_STANDARD_ERROR = 2


def run_without_network(
    environment: Mapping[str, str], module: str = "appliance.doctor.child", limit_s: float = LIMIT_S
) -> AirGap:
    """Return what came of one note through the whole pipeline, and everything that tried to reach a network."""
    with _started(environment, module) as (process, link):
        heard = _Heard(process.pid)
        if not heard.listen(link, limit_s):
            return heard.report(f"It did not come to its end within {limit_s:g} s.")
        code = process.wait()
    return heard.report(None if code == 0 else f"It ended with {code}.")


@contextmanager
def _started(environment: Mapping[str, str], module: str) -> Iterator[tuple[subprocess.Popen[bytes], socket.socket]]:
    mine, childs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with mine:
        with childs:
            process = subprocess.Popen(
                [sys.executable, "-m", *module.split(), str(childs.fileno())], env=dict(environment),
                pass_fds=[childs.fileno()], stdin=subprocess.DEVNULL, stdout=_STANDARD_ERROR, process_group=0,
            )  # fmt: skip
        try:
            yield process, mine
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


class _Heard:
    """What the child's Python and the kernel told so far."""

    def __init__(self, child: int) -> None:
        self._child = child
        self._steps: tuple[Step, ...] | None = None
        self._failed: str | None = None
        self._tried: list[tuple[str, tuple[str, ...]]] = []
        self._threads: set[int] = set()
        self._witnessed: list[Witnessed] = []

    def listen(self, link: socket.socket, limit_s: float) -> bool:
        """Take in everything until the child has ended; False where the time was over before."""
        until_s = time.monotonic() + limit_s
        poll = select.poll()
        poll.register(link, select.POLLIN)
        listener: int | None = None
        try:
            while (left_s := until_s - time.monotonic()) > 0:
                for descriptor, events in poll.poll(left_s * 1000):
                    if descriptor == listener:
                        self._hear(poll, listener, events)
                        continue
                    message, descriptors, *_ = socket.recv_fds(link, _MESSAGE_BYTES, 1)
                    if not message:
                        return True
                    if message == WITNESS:
                        (listener,) = descriptors
                        poll.register(listener, select.POLLIN)
                    else:
                        self._take(msgspec.json.decode(message))
            return False
        finally:
            if listener is not None:
                os.close(listener)

    def _hear(self, poll: select.poll, listener: int, events: int) -> None:
        if not events & select.POLLIN:
            poll.unregister(listener)  # everybody behind the walls has ended
        elif witnessed := hear(listener):
            self._witnessed.append(witnessed)

    def _take(self, message: dict[str, Any]) -> None:
        if "tried" in message:
            self._tried.append((message["tried"], tuple(message["where"])))
            self._threads.add(message["thread"])
        elif "steps" in message:
            self._steps = tuple(msgspec.convert(each, Step) for each in message["steps"])
        else:
            self._failed = message["failed"]

    def report(self, failed: str | None) -> AirGap:
        """Return the whole; `failed` is what is known besides what the child said itself."""
        unfinished = "It ended without a word." if self._steps is None else None
        return AirGap(
            steps=self._steps or (),
            attempts=(*self._of_python(), *self._native()),
            failed=self._failed or failed or unfinished,
        )

    def _of_python(self) -> Iterator[Attempt]:
        tried: dict[tuple[str, ...], list[str]] = {}
        for what, where in self._tried:
            # Name, socket and connection of one attempt differ in their innermost lines alone.
            tried.setdefault(where, []).append(what)
        for where, what in tried.items():
            yield Attempt(by="python", what=_once(what), where=where, program=f"this run ({self._child})")

    def _native(self) -> Iterator[Attempt]:
        called: dict[tuple[str, str], list[str]] = {}
        for each in self._witnessed:
            # What a thread's Python called is told already, with its lines; that of other processes is not.
            if not (each.by_python and each.thread in self._threads):
                called.setdefault((each.program, each.library), []).append(each.what)
        for (program, library), what in called.items():
            named = Path(library).name if library else "a library that could not be found out"
            yield Attempt(by="native", what=_once(what), where=(named,), program=program)


def _once(what: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(what))
