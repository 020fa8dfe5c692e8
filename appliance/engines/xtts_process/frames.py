"""Messages between the appliance and the XTTS process: a JSON head and named arrays, of bounded size, never a pickle.

A frame is two lengths (head and arrays, 4 and 8 bytes, little-endian), the head, then the arrays' bytes one after the
other. The head's member `arrays` lists name, type and shape of each; what it lists has to fill the bytes exactly.
"""

import json
import math
import socket
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

HEAD_BYTES_MAX = 1 << 20
"""A batch of 64 texts of 1,000 characters takes a fifth."""
ARRAYS_BYTES_MAX = 256 << 20
"""Ten minutes of a reference at 16 kHz take 38 MB, the conditioning of one voice 0.13 MB."""
ARRAYS_MAX = 512
TYPES = ("<f4", "<i8")

_LENGTHS = struct.Struct("<IQ")

Arrays = Mapping[str, np.ndarray]


class FrameInvalid(Exception):
    """What came over the socket is no frame."""


class Closed(Exception):
    """The other end is gone."""


def send(link: socket.socket, head: Mapping[str, Any], arrays: Arrays | None = None) -> None:
    """Send one frame; raises FrameInvalid where it would be too large, Closed where nobody is there to read it."""
    solid = {name: np.ascontiguousarray(array) for name, array in (arrays or {}).items()}
    listed = [[name, array.dtype.str, list(array.shape)] for name, array in solid.items()]
    text = json.dumps({**head, "arrays": listed}, ensure_ascii=False).encode()
    size = sum(array.nbytes for array in solid.values())
    _require_bounds(len(text), size)
    try:
        link.sendall(_LENGTHS.pack(len(text), size) + text)
        for array in solid.values():
            link.sendall(memoryview(array).cast("B") if array.size else b"")
    except TimeoutError:
        raise
    except OSError as broken:
        raise Closed from broken


def receive(link: socket.socket) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return the next frame's head and arrays; raises Closed at the stream's end, FrameInvalid for anything else."""
    head_bytes, arrays_bytes = _LENGTHS.unpack(_exactly(link, _LENGTHS.size))
    _require_bounds(head_bytes, arrays_bytes)
    text, body = _exactly(link, head_bytes), _exactly(link, arrays_bytes)
    try:
        head = json.loads(bytes(text))
        return head, _arrays(head.pop("arrays"), body)
    except (ValueError, KeyError, TypeError, AttributeError, UnicodeDecodeError) as wrong:
        raise FrameInvalid("the head does not describe its frame") from wrong


def _arrays(listed: list[Any], body: bytearray) -> dict[str, np.ndarray]:
    if len(listed) > ARRAYS_MAX:
        raise FrameInvalid("too many arrays")
    arrays, place = {}, 0
    for name, kind, shape in listed:
        if kind not in TYPES or not isinstance(name, str):
            raise FrameInvalid("an array of a type that is not allowed")
        if not all(isinstance(length, int) and length >= 0 for length in shape):
            raise FrameInvalid("an array without a shape")
        count = math.prod(shape)
        arrays[name] = np.frombuffer(body, kind, count, place).reshape(shape)
        place += count * np.dtype(kind).itemsize
    if place != len(body):
        raise FrameInvalid("the arrays do not fill their bytes")
    return arrays


def _require_bounds(head_bytes: int, arrays_bytes: int) -> None:
    if head_bytes > HEAD_BYTES_MAX or arrays_bytes > ARRAYS_BYTES_MAX:
        raise FrameInvalid(f"a frame of {head_bytes} + {arrays_bytes} bytes is too large")


def _exactly(link: socket.socket, count: int) -> bytearray:
    content = bytearray(count)
    view, place = memoryview(content), 0
    while place < count:
        try:
            came = link.recv_into(view[place:])
        except TimeoutError:
            raise
        except OSError as broken:
            raise Closed from broken
        if not came:
            raise Closed
        place += came
    return content
