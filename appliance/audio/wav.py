"""WAV files without any library: a header in front of the samples."""

import struct

from appliance.audio.decoded import PCM_BYTES_PER_SAMPLE, PCM_RATE_HZ

_PCM_FORMAT = 1
_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")


def wav_bytes(pcm: bytes, rate_hz: int = PCM_RATE_HZ) -> bytes:
    """Return mono signed 16-bit little-endian PCM as a WAV file, whose header says 44 bytes and nothing else."""
    byte_rate = rate_hz * PCM_BYTES_PER_SAMPLE
    header = _HEADER.pack(
        b"RIFF", _HEADER.size - 8 + len(pcm), b"WAVE",
        b"fmt ", 16, _PCM_FORMAT, 1, rate_hz, byte_rate, PCM_BYTES_PER_SAMPLE, 8 * PCM_BYTES_PER_SAMPLE,
        b"data", len(pcm),
    )  # fmt: skip
    return header + pcm
