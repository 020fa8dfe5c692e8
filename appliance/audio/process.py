"""The parent's end of one decoder process."""

import socket
import time
from dataclasses import dataclass
from typing import Self

import msgspec

from appliance import errors
from appliance.audio import wire
from appliance.audio.decoded import PCM_BYTES_PER_SAMPLE, PCM_RATE_HZ, DecodedAudio
from appliance.audio.zygote_link import RETRY_AFTER_S, START_LIMIT_S, Zygote

_DEATH_LIMIT_S = 1.0
_RECEIVE_BYTES = 1 << 20
_KILLED = -9
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
    """Processor time; ten minutes of sound need 2 to 5 s. More is refused as unreadable."""
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

    def __init__(self, zygote: Zygote, limits: DecodeLimits) -> None:
        """Have it forked; it locks itself in in the background. NotReady where the zygote cannot be had."""
        told = {"max_audio_s": limits.max_audio_s, "cpu_s": limits.cpu_s, "memory_bytes": limits.memory_bytes}
        self._zygote = zygote
        self._socket, self._leash = zygote.bear(msgspec.json.encode(told))

    def wait_ready(self) -> tuple[str, ...]:
        """Wait until the child has locked itself in; return the names of its walls."""
        try:
            message = self._message(time.monotonic() + START_LIMIT_S)
        except (EOFError, TimeoutError, ConnectionError) as error:
            raise errors.NotReady("The audio decoder does not start.", retry_after_s=RETRY_AFTER_S) from error
        if not isinstance(message, wire.Ready):
            raise errors.NotReady("The audio decoder does not start: it answers out of turn")
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
        """Let go of the child: the zygote kills it, if it lives, and leaves no zombie."""
        self._socket.close()
        self._leash.close()

    def _death(self) -> errors.MeeshyError:
        try:
            self._leash.settimeout(_DEATH_LIMIT_S)
            status = wire.unpack_status(self._leash.recv(wire.STATUS_BYTES))
        except TimeoutError:
            # It hung up and lives on: no honest child does that.
            return errors.AudioUnreadable("The recording is damaged in a way that stops the decoder.")
        except OSError:
            status = None
        if status in (_KILLED, None):
            # Nothing in the child's limits ends it this way first: the machine was out of memory, or an operator acted.
            return errors.NotReady("The audio decoder was stopped from outside.", retry_after_s=RETRY_AFTER_S)
        # All children of a zygote have their memory laid out alike; a crash may have been an attempt to learn how.
        self._zygote.retire()
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
