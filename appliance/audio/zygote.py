"""The process that decoders are born in: it has loaded FFmpeg and NumPy, and forks one child per recording.

Started as `python -I -c BOOT ROOT CONTROL_FD`; see `appliance.audio.zygote_link`. It reads nothing of any recording. A
start of Python with both libraries costs 140 ms of processor time, a fork 15 (two cores).
"""

import contextlib
import os
import select
import signal
import socket
import sys
import threading
from pathlib import Path

import msgspec

from appliance.audio import sandbox, wire
from appliance.audio.child import Limits, serve

REQUEST_BYTES_MAX = 4096
_EXITED = 1


def main(control_fd: int) -> None:
    """Fork a child for every request until the parent closes the control socket."""
    control = socket.socket(fileno=control_fd)
    names = sandbox.leave()
    try:
        from appliance.audio import unpacking

        unpacking.warm_up()
        if _threads() > 1:
            raise OSError("a library started threads, which a fork would lose")
    except (ImportError, OSError, ValueError) as error:
        control.send(wire.pack(wire.NotStarted(f"{type(error).__name__}: {error}"[:1000])))
        return
    control.send(wire.pack(wire.Ready(names)))
    _Births(control, names).run()


def _threads() -> int:
    """Return how many threads this process has; Python knows only of its own, Linux of all."""
    return len(list(Path("/proc/self/task").iterdir())) if sys.platform == "linux" else threading.active_count()


class _Births:
    """The children that live: each has a leash, whose other end the parent drops when the child is to die."""

    def __init__(self, control: socket.socket, names: list[str]) -> None:
        self._control, self._names = control, names
        self._leashes: dict[int, tuple[socket.socket, int]] = {}
        self._poll = select.poll()
        self._poll.register(control, select.POLLIN)
        self._woken, waker = socket.socketpair()
        for end in (self._woken, waker):
            end.setblocking(False)
        self._waker = waker
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
        self._poll.register(self._woken, select.POLLIN)

    def run(self) -> None:
        """Serve until the parent closes the control socket, then until the last child has ended."""
        open_ = True
        while open_ or self._leashes:
            for fd, _ in self._poll.poll():
                if fd == self._control.fileno():
                    open_ = self._serve()
                    if not open_:
                        self._poll.unregister(fd)
                elif fd == self._woken.fileno():
                    self._woken.recv(4096)
                    self._reap()
                elif fd in self._leashes:
                    # The parent never writes on a leash: it has let go.
                    os.kill(self._leashes[fd][1], signal.SIGKILL)
                    self._poll.unregister(fd)

    def _serve(self) -> bool:
        request, fds, _, _ = socket.recv_fds(self._control, REQUEST_BYTES_MAX, 2)
        if not request or len(fds) != 2:
            return False
        talk_fd, leash_fd = fds
        pid = os.fork()
        if pid == 0:
            self._become_child(talk_fd, request)
        os.close(talk_fd)
        self._leashes[leash_fd] = socket.socket(fileno=leash_fd), pid
        self._poll.register(leash_fd, select.POLLIN)
        return True

    def _become_child(self, talk_fd: int, request: bytes) -> None:
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            highest = max(int(fd.name) for fd in Path("/dev/fd").iterdir()) + 1
            os.closerange(3, talk_fd)
            os.closerange(talk_fd + 1, highest)
            serve(talk_fd, msgspec.json.decode(request, type=Limits), self._names)
        finally:
            # Nothing of the zygote may run on in a child, whatever happened: no buffers, no exit handlers.
            os._exit(_EXITED)

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            fd = next(fd for fd, (_, of) in self._leashes.items() if of == pid)
            leash, _ = self._leashes.pop(fd)
            with leash, contextlib.suppress(KeyError, OSError):
                # Unknown to the poll or hung up: the parent had let go before, and nobody waits for the status.
                self._poll.unregister(fd)
                leash.send(wire.pack_status(os.waitstatus_to_exitcode(status)))
