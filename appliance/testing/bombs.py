"""Ten hours of silence in a small file, written by hand: an encoder would take as long to make it as a decoder to read.

FLAC after RFC 9639 (constant subframes: 15 bytes for 65,535 samples), Opus in Ogg after RFC 7845 and 3533.
"""

import struct

from appliance.audio.declared import ogg_checksum

_FLAC_BLOCK_SAMPLES = 65_535
_FLAC_RATE_HZ = 16_000
_OPUS_PACKET = b"\xfb\x06" + 6 * b"\xff\xfe"
"""Full band, 20 ms a frame, six frames of equal size; FF FE is CELT's frame of silence."""
_OPUS_PACKET_SAMPLES = 5_760
_PACKETS_PER_PAGE = 250


def silent_flac(seconds: float) -> bytes:
    """Return silence as FLAC, about 130 kB for ten hours."""
    blocks = max(1, round(seconds * _FLAC_RATE_HZ / _FLAC_BLOCK_SAMPLES))
    total = blocks * _FLAC_BLOCK_SAMPLES
    packed = (_FLAC_RATE_HZ << 44) | (0 << 41) | (15 << 36) | total
    sizes = struct.pack(">HH", _FLAC_BLOCK_SAMPLES, _FLAC_BLOCK_SAMPLES) + bytes(6)
    info = sizes + packed.to_bytes(8, "big") + bytes(16)
    return b"".join([b"fLaC", b"\x80\x00\x00\x22", info, *(_flac_frame(number) for number in range(blocks))])


def _flac_frame(number: int) -> bytes:
    # Sync and fixed block size; block size in 16 bits at the end, rate from the stream info; mono, 16 bits.
    head = b"\xff\xf8\x70\x08" + _utf8_like(number) + struct.pack(">H", _FLAC_BLOCK_SAMPLES - 1)
    frame = head + bytes([_crc(head, 8, 0x07)]) + b"\x00" + b"\x00\x00"
    return frame + _crc(frame, 16, 0x8005).to_bytes(2, "big")


def _utf8_like(number: int) -> bytes:
    """Return a frame number in FLAC's code, which is UTF-8's for numbers that are no characters too."""
    if number < 0x80:
        return bytes([number])
    if number < 0x800:
        return bytes([0xC0 | number >> 6, 0x80 | number & 0x3F])
    return bytes([0xE0 | number >> 12, 0x80 | number >> 6 & 0x3F, 0x80 | number & 0x3F])


def _crc(data: bytes, bits: int, polynomial: int) -> int:
    value, top = 0, 1 << bits - 1
    for byte in data:
        value ^= byte << bits - 8
        for _ in range(8):
            value = (value << 1 ^ polynomial if value & top else value << 1) & (1 << bits) - 1
    return value


def silent_opus(seconds: float) -> bytes:
    """Return silence as Ogg/Opus, about 4.5 MB for ten hours."""
    packets = max(1, round(seconds * 48_000 / _OPUS_PACKET_SAMPLES))
    head = b"OpusHead" + struct.pack("<BBHIhB", 1, 1, 0, 48_000, 0, 0)
    pages = [_page([head], 0, 0, 0x02), _page([b"OpusTags" + bytes(8)], 0, 1, 0)]
    for first in range(0, packets, _PACKETS_PER_PAGE):
        count = min(_PACKETS_PER_PAGE, packets - first)
        last = 0x04 if first + count == packets else 0
        granule = (first + count) * _OPUS_PACKET_SAMPLES
        pages.append(_page([_OPUS_PACKET] * count, granule, len(pages), last))
    return b"".join(pages)


def _page(packets: list[bytes], granule: int, sequence: int, flags: int) -> bytes:
    lacing = bytes(len(packet) for packet in packets)
    fields = struct.pack("<4sBBqIIIB", b"OggS", 0, flags, granule, 1, sequence, 0, len(lacing))
    page = fields + lacing + b"".join(packets)
    return page[:22] + ogg_checksum(page).to_bytes(4, "little") + page[26:]
