"""A recording frame by frame, on past whatever is damaged.

PyAV's own decoding loop ends at the first bad packet (26 of 78 s were left of an MP3 with 400 bad bytes), so packets
are read and decoded one at a time here.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet

_COUNTED = frozenset({"mp3", "aac", "amr", "amrnb", "amrwb"})
"""Formats without timestamps: FFmpeg counts packets there, so what was lost shows only in the bytes that failed."""
_FAILED_READS_MAX = 64
"""A file in which so many reads in a row fail has nothing more to give."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A decoded frame and where it belongs."""

    frame: AudioFrame
    stamp_s: float | None
    """Its time in the file, None where the format has none."""
    after_damage: bool
    """Whether something right before it could not be read or decoded."""
    lost_s: float
    """Estimated length of what was lost right before it, for formats without timestamps."""


def pieces_of(container: InputContainer, stream: AudioStream) -> Iterator[Piece]:
    """Yield every frame that can be decoded, with its place in time and what was lost before it."""
    counted = container.format.name in _COUNTED
    good_bytes, good_s, lost_bytes, damaged = 0, 0.0, 0, False
    for packet in _packets(container, stream):
        frames: list[AudioFrame] = []
        if packet is not None:
            try:
                frames = packet.decode()
            except (av.FFmpegError, ValueError):
                lost_bytes += packet.size
                damaged = True
        else:
            damaged = True
        for frame in frames:
            lost_s = lost_bytes * good_s / good_bytes if counted and good_bytes else 0.0
            yield Piece(frame, None if counted else frame.time, damaged, lost_s)
            good_s += frame.samples / max(1, frame.sample_rate)
            lost_bytes, damaged = 0, False
        if frames and packet is not None:
            good_bytes += packet.size


def _packets(container: InputContainer, stream: AudioStream) -> Iterator[Packet | None]:
    """Yield the stream's packets to the end of the file, None for each read that failed."""
    failures = 0
    while failures < _FAILED_READS_MAX:
        # The generator is spent once it has raised; a new one goes on behind the bad place.
        packets = container.demux(stream)
        try:
            for packet in packets:
                failures = 0
                yield packet
            return
        except av.EOFError:
            return
        except (av.FFmpegError, ValueError):
            failures += 1
            yield None
