"""Files that a recording should never be: each made by code, each with what may come of it.

Nothing here is committed as bytes; `cases()` builds all of them in a few seconds.
"""

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np

from appliance.audio.pcm import pcm_of
from appliance.audio.wav import wav_bytes
from appliance.testing.audio_files import noise, recording, voice
from appliance.testing.bombs import silent_flac, silent_opus

TEN_HOURS_S = 36_000.0
CANARY_S = 3.0
"""Length of the sound that playlists try to reach; no other case decodes to it."""


@dataclass(frozen=True, slots=True)
class HostileFile:
    """A file, the name it comes under, and the error codes that may answer it; `usable` ones may be decoded too."""

    name: str
    data: bytes
    file_name: str = "note.wav"
    codes: frozenset[str] = frozenset()
    usable: bool = False
    siblings: dict[str, bytes] = field(default_factory=dict)
    """Files that lie beside it, which nothing in it may reach."""


def cases(folder: Path) -> list[HostileFile]:
    """Return every case; playlists name files in `folder`, where the caller writes file and siblings."""
    return [
        *_no_recordings(),
        *_playlists(folder),
        *_wrong_streams(),
        *_bombs(),
        *_lying_headers(),
        *_broken_structures(),
    ]


_REFUSED = frozenset({"audio_format_refused"})
_BAD = frozenset({"audio_format_refused", "audio_unreadable"})


def _no_recordings() -> Iterator[HostileFile]:
    yield HostileFile("empty", b"", codes=frozenset({"audio_missing"}))
    yield HostileFile("one byte", b"\0", codes=_BAD)
    yield HostileFile("zeros", bytes(100_000), codes=_BAD)
    random = np.random.default_rng(1).bytes(200_000)
    yield HostileFile("random bytes", random, codes=_BAD)
    yield HostileFile("text renamed .wav", "Bonjour, ceci n'est pas un fichier son. é\n".encode() * 50, codes=_REFUSED)
    yield HostileFile("json", b'{"audio": "none"}', codes=_REFUSED)
    yield HostileFile("page of the web", b"<!doctype html><html><body>404</body></html>", codes=_REFUSED)
    yield HostileFile("picture", b"\x89PNG\r\n\x1a\n" + random[:5000], "note.mp3", codes=_REFUSED)
    yield HostileFile("archive", b"PK\x03\x04" + random[:5000], "note.m4a", codes=_REFUSED)
    yield HostileFile("only a RIFF word", b"RIFF", codes=_BAD)
    yield HostileFile("no samples", wav_bytes(b""), codes=frozenset({"audio_empty"}))


def _playlists(folder: Path) -> Iterator[HostileFile]:
    canary = {"canary.wav": wav_bytes(pcm_of(voice(CANARY_S)))}
    path = (folder / "canary.wav").as_posix()
    sdp = "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n"
    mpd = f'<?xml version="1.0"?><MPD type="static"><BaseURL>{path}</BaseURL></MPD>'
    texts = {
        "ffconcat named .wav": ("ffconcat version 1.0\nfile canary.wav\n", "note.wav"),
        "ffconcat after a byte-order mark": ("\ufeffffconcat version 1.0\nfile canary.wav\n", "note.mp3"),
        "m3u8 with an absolute path": (_m3u8(path), "note.m3u8"),
        "m3u8 named .wav": (_m3u8(f"file://{path}"), "note.wav"),
        "m3u8 with a concat address": (_m3u8(f"concat:{path}|{path}"), "note.m4a"),
        "session description": (sdp, "note.sdp"),
        "dash manifest": (mpd, "note.mpd"),
    }
    for name, (text, file_name) in texts.items():
        yield HostileFile(name, text.encode(), file_name, _BAD, siblings=canary)
    # Behind a magic that the first look lets through, so that the demuxer whitelist is what stops it.
    tagged = b"ID3\x03\x00\x00\x00\x00\x00\x00" + _m3u8(path).encode() * 20
    yield HostileFile("m3u8 behind an ID3 tag", tagged, "note.mp3", _BAD, siblings=canary)
    binary = b"\xff\xfeffconcat version 1.0\nfile canary.wav\n" + bytes(64)
    yield HostileFile("ffconcat behind binary", binary, "note.ffconcat", _BAD, siblings=canary)


def _m3u8(target: str) -> str:
    return f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{target}\n#EXT-X-ENDLIST\n"


def _wrong_streams() -> Iterator[HostileFile]:
    yield HostileFile("video without audio", _video(0), "note.mp4", frozenset({"no_audio_stream"}))
    yield HostileFile("video with audio", _video(1), "note.mp4", usable=True)
    yield HostileFile("forty audio streams", _video(40), "note.mp4", _BAD)
    too_many = frozenset({"too_many_channels"})
    yield HostileFile("255 channels", _wav(channels=255, data=bytes(255 * 2 * 800)), codes=too_many)
    yield HostileFile("9 channels", _wav(channels=9, data=bytes(9 * 2 * 8000)), codes=too_many)
    yield HostileFile("65535 channels", _wav(channels=65_535, data=bytes(400_000)), codes=too_many | _BAD)
    yield HostileFile("no channel", _wav(channels=0, data=bytes(32_000)), codes=_BAD)


def _video(audio_streams: int) -> bytes:
    """Return an MP4 of one second with an MPEG-4 picture and so many AAC streams."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as output:
        picture = output.add_stream("mpeg4", rate=10)
        picture.width = picture.height = 32
        picture.pix_fmt = "yuv420p"
        voices = [output.add_stream("aac", rate=16_000, layout="mono") for _ in range(audio_streams)]
        for _ in range(10):
            output.mux(picture.encode(av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")))
        output.mux(picture.encode(None))
        for stream in voices:
            for start in range(0, 16_000, 1024):
                frame = av.AudioFrame.from_ndarray(voice(1.0)[np.newaxis, start : start + 1024], "fltp", "mono")
                frame.sample_rate = 16_000
                output.mux(stream.encode(frame))
            output.mux(stream.encode(None))
    return file.getvalue()


def _bombs() -> Iterator[HostileFile]:
    long = frozenset({"audio_too_long"})
    yield HostileFile("ten hours of FLAC silence", silent_flac(TEN_HOURS_S), "note.flac", long)
    yield HostileFile("ten hours of Opus silence", silent_opus(TEN_HOURS_S), "note.ogg", long)
    # The same with a header that admits to nothing: the limit holds while decoding.
    flac = bytearray(silent_flac(2000.0))
    flac[21] &= 0xF0
    flac[22:26] = bytes(4)
    yield HostileFile("FLAC silence of unknown length", bytes(flac), "note.flac", long)
    fast = _wav(rate_hz=4_000, bits=8, data=bytes([128]) * 4_000_000)
    yield HostileFile("a thousand seconds at 4 kHz", fast, codes=long)


def _lying_headers() -> Iterator[HostileFile]:
    second = pcm_of(voice(1.0))
    yield HostileFile("WAV that claims 1.9 GB", _wav(data=second, claimed_bytes=0x7000_0000), usable=True)
    yield HostileFile("WAV of a recorder that was cut off", _wav(data=second, claimed_bytes=0xFFFF_FFFF), usable=True)
    yield HostileFile("WAV at 4 GHz", _wav(rate_hz=0xFFFF_FFF0, data=second), codes=_BAD)
    yield HostileFile("WAV at 1 Hz", _wav(rate_hz=1, data=second), codes=_BAD)
    yield HostileFile("WAV with a codec of video", _wav(tag=0x4D50, data=second), codes=_BAD | {"no_audio_stream"})
    flac = bytearray(recording("flac", voice(1.0)))
    flac[21] |= 0x0F
    flac[22:26] = b"\xff" * 4
    yield HostileFile("FLAC that claims 49 days", bytes(flac), "note.flac", usable=True)
    comm = struct.pack(">hIh", 1, 0xFFFF_FFFF, 16) + bytes.fromhex("400cfa00000000000000")
    aiff = b"AIFF" + b"COMM" + struct.pack(">I", len(comm)) + comm + b"SSND" + struct.pack(">III", 0xFFFF_FFF0, 0, 0)
    yield HostileFile("AIFF that claims everything", b"FORM\xff\xff\xff\xff" + aiff + second, "note.aiff", _BAD, True)
    au = b".snd" + struct.pack(">IIIII", 24, 0xFFFF_FFFE, 3, 16_000, 1) + second
    yield HostileFile("AU that claims 4 GB", au, "note.au", _BAD, True)
    tag = b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f" + recording("mp3", voice(1.0))
    yield HostileFile("MP3 behind a tag of 256 MB", tag, "note.mp3", _BAD | {"audio_empty"}, True)


def _broken_structures() -> Iterator[HostileFile]:
    m4a = recording("m4a", voice(2.0) + noise(2.0, 0.01))
    index = m4a.index(b"stsz")
    entries = m4a[: index + 12] + b"\x7f\xff\xff\xff" + m4a[index + 16 :]
    yield HostileFile("M4A with two billion entries", entries, "note.m4a", _BAD | {"no_audio_stream"}, True)
    yield HostileFile("M4A without its index", m4a.replace(b"moov", b"m00v"), "note.m4a", _BAD | {"no_audio_stream"})
    nested = b"".join(struct.pack(">I", 8 * (20_000 - depth)) + b"moov" for depth in range(20_000))
    yield HostileFile("M4A with 20,000 boxes in each other", m4a[:28] + nested, "note.m4a", _BAD | {"no_audio_stream"})
    webm = recording("webm", voice(2.0))
    deep = webm[:40] + b"\x1f\x43\xb6\x75\x01\xff\xff\xff\xff\xff\xff\xff" * 5000
    yield HostileFile("WebM of clusters without end", deep, "note.webm", _BAD | {"no_audio_stream", "audio_empty"})
    chunks = b"RIFF\xff\xff\xff\xffWAVE" + b"junk\0\0\0\0" * 50_000
    yield HostileFile("WAV of 50,000 empty chunks", chunks, codes=_BAD | {"audio_empty", "no_audio_stream"})
    ogg = bytearray(recording("ogg", voice(2.0)))
    for offset in range(200, len(ogg), 50):
        ogg[offset] ^= 0x55
    yield HostileFile("Ogg with every page broken", bytes(ogg), "note.ogg", _BAD | {"audio_empty"}, True)


def _wav(
    data: bytes,
    channels: int = 1,
    rate_hz: int = 16_000,
    bits: int = 16,
    tag: int = 1,
    claimed_bytes: int | None = None,
) -> bytes:
    block = channels * bits // 8
    byte_rate = min(0xFFFF_FFFF, block * rate_hz)
    head = struct.pack("<HHIIHH", tag, channels, rate_hz, byte_rate, block & 0xFFFF, bits)
    claimed = len(data) if claimed_bytes is None else claimed_bytes
    size = min(0xFFFF_FFFF, 36 + claimed)
    return (
        b"RIFF"
        + struct.pack("<I", size)
        + b"WAVEfmt "
        + struct.pack("<I", 16)
        + head
        + b"data"
        + struct.pack("<I", claimed)
        + data
    )
