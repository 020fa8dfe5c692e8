"""The decoder's own process, forked by the zygote: lock in, read one recording, answer, end."""

import array
import os
import socket

import msgspec

from appliance.audio import sandbox, wire


class Limits(msgspec.Struct):
    """What one decode may use."""

    max_audio_s: float
    cpu_s: int
    memory_bytes: int


def serve(talk_fd: int, limits: Limits, inherited: list[str]) -> None:
    """Serve the one recording whose descriptor comes over the socket; `inherited` names walls that stand already."""
    # Loaded by the zygote before the fork: behind the walls nothing can be imported.
    from appliance.audio import unpacking

    talk = socket.socket(fileno=talk_fd)
    names = [*inherited, *sandbox.bound(limits.cpu_s, limits.memory_bytes), *sandbox.lock_in()]
    _send(talk_fd, wire.pack(wire.Ready(names)))
    source_fd = _receive(talk)
    if source_fd is None:
        return
    message, pcm = unpacking.answer(source_fd, limits.max_audio_s)
    _send(talk_fd, wire.pack(message))
    _send(talk_fd, pcm)


def _receive(talk: socket.socket) -> int | None:
    """Return the descriptor that the parent sent, None if it closed the socket instead."""
    one_fd = array.array("i", [0])
    _, ancillary, _, _ = talk.recvmsg(1, socket.CMSG_LEN(one_fd.itemsize))
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
