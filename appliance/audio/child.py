"""The decoder's own process: load, lock in, read one recording, answer, end.

Started as `python -I -c BOOT ROOT CONTROL_FD LIMITS`; see `appliance.audio.decoder`. It never serves a second input.
"""

import array
import os
import socket
import sys

import msgspec

from appliance.audio import sandbox, wire


class Limits(msgspec.Struct):
    """What one decode may use."""

    max_audio_s: float
    cpu_s: int
    memory_bytes: int


def main(control_fd: int, limits: Limits) -> None:
    """Serve the one recording whose file descriptor comes over the control socket."""
    names = sandbox.bound(limits.cpu_s, limits.memory_bytes)
    control = socket.socket(fileno=control_fd)
    try:
        from appliance.audio import unpacking

        unpacking.warm_up()
        names += sandbox.lock_in()
    except (ImportError, OSError, ValueError) as error:
        _send(control_fd, wire.pack(wire.NotStarted(f"{type(error).__name__}: {error}"[:1000])))
        return
    _send(control_fd, wire.pack(wire.Ready(names)))
    source_fd = _receive(control)
    if source_fd is None:
        return
    message, pcm = unpacking.answer(source_fd, limits.max_audio_s)
    _send(control_fd, wire.pack(message))
    _send(control_fd, pcm)


def _receive(control: socket.socket) -> int | None:
    """Return the descriptor that the parent sent, None if it closed the socket instead."""
    one_fd = array.array("i", [0])
    _, ancillary, _, _ = control.recvmsg(1, socket.CMSG_LEN(one_fd.itemsize))
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            one_fd.frombytes(data[: one_fd.itemsize])
            return one_fd[-1]
    return None


def _send(fd: int, data: bytes | bytearray) -> None:
    """Write all bytes with plain write(2), the only way out that the sandbox leaves open."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]


if __name__ == "__main__":
    main(int(sys.argv[2]), msgspec.json.decode(sys.argv[3], type=Limits))
