"""What a file says about its own length, where FFmpeg does not tell or tells what it has counted itself.

Nothing here is believed further than for naming what is missing, and for refusing early: a sender who lies about that
is refused after decoding instead, or was refused for what they said themselves.
"""

import io
import os
import struct
import zlib
from dataclasses import dataclass
from typing import BinaryIO

_RIFF_HEAD_BYTES = 12
_CHUNK_HEAD = struct.Struct("<4sI")
_RIFF_CHUNKS_MAX = 64
_STREAMED_SIZES = (0, 0x7FFFF000)
"""Recorders that write to a pipe cannot know the size and leave 0 or almost 2 or 4 GiB."""

_OGG_PAGE_BYTES_MAX = 27 + 255 + 255 * 255
_OGG_LAST_PAGE = 0x04
_OGG_HEAD_BYTES = 64
_OPUS_HEAD = b"OpusHead"
_OPUS_RATE_HZ = 48_000
"""Granule positions of Opus count samples at this rate, whatever was recorded (RFC 7845, section 4)."""
_ID3_HEAD_BYTES = 10
_MP3_TAG_SEARCH_BYTES = 4096
_REVERSED_BITS = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))


@dataclass(frozen=True, slots=True)
class Claims:
    """What the file's own bookkeeping says, read before FFmpeg sees the file."""

    wav_duration_s: float | None
    mp3_counts_frames: bool
    ogg_is_cut_short: bool


def claims(file: BinaryIO) -> Claims:
    """Read a seekable file's claims and leave it at its beginning."""
    magic = _at(file, 0, 4)
    found = Claims(
        wav_duration_s=_wav_duration_s(file) if magic == b"RIFF" else None,
        mp3_counts_frames=_mp3_counts_frames(file),
        ogg_is_cut_short=magic == b"OggS" and _ogg_is_cut_short(file),
    )
    file.seek(0)
    return found


def said_duration_s(recording: bytes) -> float | None:
    """Return how many seconds a recording says it has, None where it says nothing that can be read without decoding.

    Understood are WAV, as far as its samples are there, and Ogg with Opus: what phones and browsers send.
    """
    if recording[:4] == b"RIFF":
        return _wav_duration_s(io.BytesIO(recording), len(recording))
    if recording[:4] == b"OggS" and _OPUS_HEAD in recording[:_OGG_HEAD_BYTES]:
        return _opus_duration_s(recording)
    return None


def _opus_duration_s(recording: bytes) -> float | None:
    """Return the position that the last page of an Ogg file has, None where no page of the tail has one."""
    offset = recording.rfind(b"OggS")
    while offset >= max(0, len(recording) - _OGG_PAGE_BYTES_MAX):
        position = int.from_bytes(recording[offset + 6 : offset + 14], "little", signed=True)
        if len(recording) >= offset + 14 and position > 0:
            return position / _OPUS_RATE_HZ
        offset = recording.rfind(b"OggS", 0, offset)
    return None


def _at(file: BinaryIO, offset: int, size: int) -> bytes:
    file.seek(offset)
    return file.read(size)


def _wav_duration_s(file: BinaryIO, file_bytes: int | None = None) -> float | None:
    """Return the seconds that a WAV header's data chunk announces, None for streamed or unusual files.

    With the file's size given, no more than there are bytes for.
    """
    offset, byte_rate = _RIFF_HEAD_BYTES, 0
    for _ in range(_RIFF_CHUNKS_MAX):
        head = _at(file, offset, _CHUNK_HEAD.size)
        if len(head) < _CHUNK_HEAD.size:
            return None
        name, size = _CHUNK_HEAD.unpack(head)
        if name == b"fmt ":
            byte_rate = int.from_bytes(_at(file, offset + 16, 4), "little")
        if name == b"data":
            streamed = size <= _STREAMED_SIZES[0] or size >= _STREAMED_SIZES[1]
            if file_bytes is not None:
                size = min(size, max(0, file_bytes - offset - _CHUNK_HEAD.size))
            return None if streamed or not byte_rate else size / byte_rate
        offset += _CHUNK_HEAD.size + size + size % 2
    return None


def _mp3_counts_frames(file: BinaryIO) -> bool:
    """Return whether an MP3 begins with a Xing, Info or VBRI header, so that its duration is counted, not guessed."""
    head = _at(file, 0, _ID3_HEAD_BYTES)
    start = 0
    if head[:3] == b"ID3" and len(head) == _ID3_HEAD_BYTES:
        start = _ID3_HEAD_BYTES + sum(
            (byte & 0x7F) << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True)
        )
    first_frame = _at(file, start, _MP3_TAG_SEARCH_BYTES)
    return any(tag in first_frame for tag in (b"Xing", b"Info", b"VBRI"))


def _ogg_is_cut_short(file: BinaryIO) -> bool:
    """Return whether an Ogg file lacks its last page (RFC 3533: flagged as last, checksum right, nothing after it)."""
    start = max(0, file.seek(0, os.SEEK_END) - _OGG_PAGE_BYTES_MAX)
    tail = _at(file, start, _OGG_PAGE_BYTES_MAX)
    offset = tail.rfind(b"OggS")
    while offset >= 0:
        page = _page_at(tail, offset)
        if page is not None:
            return not page[5] & _OGG_LAST_PAGE
        offset = tail.rfind(b"OggS", 0, offset)
    return True


def _page_at(tail: bytes, offset: int) -> bytes | None:
    """Return the page that begins there if it reaches exactly to the end and its checksum is right."""
    if len(tail) < offset + 27:
        return None
    segments = tail[offset + 26]
    lacing = tail[offset + 27 : offset + 27 + segments]
    page = tail[offset:]
    if len(page) != 27 + segments + sum(lacing):
        return None
    return page if ogg_checksum(page[:22] + bytes(4) + page[26:]) == int.from_bytes(page[22:26], "little") else None


def ogg_checksum(data: bytes) -> int:
    """Return Ogg's CRC-32: zlib's polynomial with bits in the other order, starting from 0 and not inverted."""
    reflected = zlib.crc32(data.translate(_REVERSED_BITS), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int.from_bytes(reflected.to_bytes(4, "little").translate(_REVERSED_BITS), "big")
