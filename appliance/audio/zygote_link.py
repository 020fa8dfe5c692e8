"""The parent's end of the zygote: starts it, has children forked, replaces it when it dies or has to go."""

import socket
import subprocess
import sys
import threading
from pathlib import Path

from appliance import errors
from appliance.audio import wire

_ROOT = Path(__file__).resolve().parents[2]
_BOOT = "import sys; sys.path.insert(0, sys.argv[1]); from appliance.audio import zygote; zygote.main(int(sys.argv[2]))"
"""Isolated mode (-I) keeps the working folder, the user's packages and PYTHON* variables out of the zygote."""
START_LIMIT_S = 30.0
"""Loading FFmpeg and NumPy takes 0.2 s on a quiet machine; a cold disk under load needs seconds."""
RETRY_AFTER_S = 1.0
_END_LIMIT_S = 5.0


class Zygote:
    """One zygote at a time, started when it is first needed; safe to call from many threads."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._retired: list[subprocess.Popen[bytes]] = []
        self._fresh = True

    def bear(self, limits: bytes) -> tuple[socket.socket, socket.socket]:
        """Have a child forked for these limits; return the socket to talk to it and its leash.

        Closing the leash ends the child; its exit status comes over it. NotReady where the zygote does not start.
        """
        talk, their_talk = socket.socketpair()
        leash, their_leash = socket.socketpair()
        with their_talk, their_leash, self._lock:
            try:
                self._ask(limits, [their_talk.fileno(), their_leash.fileno()])
            except BaseException:
                talk.close()
                leash.close()
                raise
        return talk, leash

    def retire(self) -> None:
        """Have the next child forked from a fresh zygote; the children that live go on."""
        self._fresh = False

    def close(self) -> None:
        """End the zygote once its children have ended; those that take too long end with it."""
        with self._lock:
            self._let_go()
            for process in self._retired:
                try:
                    process.wait(_END_LIMIT_S)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
            self._retired = []

    def _ask(self, limits: bytes, fds: list[int]) -> None:
        # One that was killed may not have ended yet when its socket broke.
        self._reap()
        if not self._fresh or self._process is None or self._process.poll() is not None:
            self._let_go()
            self._start()
        if self._control is None:
            raise TypeError("a started zygote has a control socket")
        try:
            socket.send_fds(self._control, [limits], fds)
        except OSError as error:
            self._let_go()
            raise errors.NotReady("The audio decoder does not start.", retry_after_s=RETRY_AFTER_S) from error

    def _start(self) -> None:
        # One request is one message: a stream could join two of them and mix up their descriptors.
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._fresh = True
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-c", _BOOT, str(_ROOT), str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                # Threads of BLAS would each reserve address space and cannot start inside the sandbox anyway.
                env={"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "LC_ALL": "C.UTF-8"},
                # Ctrl-C in a terminal is for the parent alone.
                start_new_session=True,
            )
        except OSError as error:
            raise errors.NotReady("The audio decoder does not start.", retry_after_s=RETRY_AFTER_S) from error
        finally:
            theirs.close()
        self._wait_loaded(self._control)

    def _wait_loaded(self, control: socket.socket) -> None:
        control.settimeout(START_LIMIT_S)
        try:
            told = control.recv(wire.HEAD_BYTES_MAX)
            message = wire.unpack(told[wire.LENGTH_BYTES :]) if told else None
        except (OSError, errors.AudioUnreadable) as error:
            raise errors.NotReady("The audio decoder does not start.", retry_after_s=RETRY_AFTER_S) from error
        if not isinstance(message, wire.Ready):
            detail = f": {message.detail}" if isinstance(message, wire.NotStarted) else "."
            raise errors.NotReady(f"The audio decoder does not start{detail}", retry_after_s=RETRY_AFTER_S)

    def _let_go(self) -> None:
        """Have the present zygote end with its last child."""
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            self._retired.append(self._process)
            self._process = None
        self._reap()

    def _reap(self) -> None:
        self._retired = [process for process in self._retired if process.poll() is None]
