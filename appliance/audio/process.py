"""The parent's end of one decoder process."""

import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import msgspec

from appliance import errors
from appliance.audio import wire
from appliance.audio.decoded import PCM_BYTES_PER_SAMPLE, PCM_RATE_HZ, DecodedAudio

_ROOT = Path(__file__).resolve().parents[2]
_BOOT = (
    "import runpy, sys; sys.path.append(sys.argv[1]); runpy.run_module('appliance.audio.child', run_name='__main__')"
)
"""Isolated mode (-I) keeps the working folder, the user's packages and PYTHON* variables out of the child."""
_START_LIMIT_S = 30.0
"""Loading FFmpeg and NumPy takes 0.2 s on a quiet machine; a cold disk under load needs seconds."""
_DEATH_LIMIT_S = 1.0
_RECEIVE_BYTES = 1 << 20
_KILLED = -9
_RETRY_AFTER_S = 1.0
_SAMPLES_SLACK = PCM_RATE_HZ
"""A resampler's tail: up to one second beyond the allowed length is accepted from the child."""


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """What one decode may use."""

    max_audio_s: float = 600.0
    """Longest recording; decoding stops as soon as it is passed."""
    wall_s: float = 30.0
    """The child is killed after that, which is the machine's fault and not the recording's."""
    cpu_s: int = 20
    """Processor time, loading included; ten minutes of sound need 2 to 5 s. More is refused as unreadable."""
    memory_bytes: int = 1 << 30
    """Address space of the child; ten minutes of sound need about 450 MB of it, and every further minute 30 MB."""

    @classmethod
    def for_audio(cls, max_audio_s: float) -> Self:
        """Return limits that leave room for a recording of that length, on a machine as slow as two shared cores."""
        return cls(
            max_audio_s=max_audio_s,
            wall_s=30 + 0.05 * max_audio_s,
            cpu_s=15 + int(0.02 * max_audio_s),
            memory_bytes=(1 << 29) + int(600_000 * max_audio_s),
        )


class DecoderProcess:
    """One process that will decode one recording."""

    def __init__(self, limits: DecodeLimits) -> None:
        """Start it; loading goes on in the background."""
        self._socket, theirs = socket.socketpair()
        told = {"max_audio_s": limits.max_audio_s, "cpu_s": limits.cpu_s, "memory_bytes": limits.memory_bytes}
        fd = theirs.fileno()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-c", _BOOT, str(_ROOT), str(fd), msgspec.json.encode(told).decode()],
                pass_fds=(fd,),
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
            self._socket.close()
            raise errors.NotReady("The audio decoder does not start.", retry_after_s=_RETRY_AFTER_S) from error
        finally:
            theirs.close()

    def wait_ready(self) -> tuple[str, ...]:
        """Wait until the child has loaded and locked itself in; return the names of its walls."""
        try:
            message = self._message(time.monotonic() + _START_LIMIT_S)
        except (EOFError, TimeoutError) as error:
            raise errors.NotReady("The audio decoder does not start.", retry_after_s=_RETRY_AFTER_S) from error
        if not isinstance(message, wire.Ready):
            detail = message.detail if isinstance(message, wire.NotStarted) else "it answers out of turn"
            raise errors.NotReady(f"The audio decoder does not start: {detail}")
        return tuple(message.sandbox)

    def decode(self, source_fd: int, limits: DecodeLimits) -> DecodedAudio:
        """Hand over the recording and return what the child makes of it."""
        deadline_s = time.monotonic() + limits.wall_s
        try:
            socket.send_fds(self._socket, [b"\0"], [source_fd])
            message = self._message(deadline_s)
            if isinstance(message, wire.Refused):
                raise wire.refusal(message)
            samples_max = int(limits.max_audio_s * PCM_RATE_HZ) + _SAMPLES_SLACK
            if not isinstance(message, wire.Heard) or message.samples > samples_max:
                raise errors.AudioUnreadable("The decoder gave an answer that makes no sense for this recording.")
            pcm = self._receive(message.samples * PCM_BYTES_PER_SAMPLE, deadline_s)
            return DecodedAudio(pcm, message.recording)
        except TimeoutError as error:
            # A recording that keeps the processor busy ends at `cpu_s`; one that waits is waiting for the machine.
            detail = f"The machine is too busy: decoding was not done after {limits.wall_s:g} s."
            raise errors.Overloaded(detail, retry_after_s=limits.wall_s) from error
        except (EOFError, ConnectionError) as error:
            raise self._death() from error

    def end(self) -> None:
        """Kill the child and wait for it, so that no zombie stays."""
        self._socket.close()
        self._process.kill()
        self._process.wait()

    def _death(self) -> errors.MeeshyError:
        try:
            status = self._process.wait(_DEATH_LIMIT_S)
        except subprocess.TimeoutExpired:
            # It hung up and lives on: no honest child does that.
            status = None
        if status == _KILLED:
            # Nothing in the child's limits ends it this way first: the machine was out of memory, or an operator acted.
            return errors.NotReady("The audio decoder was stopped from outside.", retry_after_s=_RETRY_AFTER_S)
        return errors.AudioUnreadable("The recording is damaged in a way that stops the decoder.")

    def _message(self, deadline_s: float) -> wire.Message:
        length = wire.head_length(self._receive(wire.LENGTH_BYTES, deadline_s))
        return wire.unpack(self._receive(length, deadline_s))

    def _receive(self, size_bytes: int, deadline_s: float) -> bytes:
        """Return exactly so many bytes; raise EOFError if the child ends before, TimeoutError at the deadline."""
        received = bytearray(size_bytes)
        rest = memoryview(received)
        while rest:
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                raise TimeoutError
            self._socket.settimeout(left_s)
            count = self._socket.recv_into(rest[:_RECEIVE_BYTES])
            if not count:
                raise EOFError
            rest = rest[count:]
        return bytes(received)
