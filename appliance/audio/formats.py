"""The formats that results are offered in."""

from typing import Literal, get_args

AudioFormat = Literal["wav", "mp3", "opus", "m4a"]
"""`opus` is an Ogg file with Opus in it; `m4a` is MPEG-4 with AAC."""

FORMATS: tuple[AudioFormat, ...] = get_args(AudioFormat)

CONTENT_TYPES: dict[AudioFormat, str] = {
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "opus": "audio/ogg; codecs=opus",
    "m4a": "audio/mp4",
}

FILE_SUFFIXES: dict[AudioFormat, str] = {"wav": ".wav", "mp3": ".mp3", "opus": ".ogg", "m4a": ".m4a"}
