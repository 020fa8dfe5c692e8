"""Opening a file that may be hostile: which containers and codecs may run at all, and what is refused at once."""

from typing import BinaryIO

import av
from av.audio.stream import AudioStream
from av.container import InputContainer

from appliance import errors
from appliance.audio.declared import Claims

CONTAINERS = "wav,w64,mp3,ogg,flac,mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,aac,amr,aiff,au,caf"
"""Without this list FFmpeg takes a text named `.wav` for an ffconcat or HLS playlist and reads the files it names."""
CODECS = (
    "aac", "aac_latm", "alac", "flac", "mp1float", "mp2float", "mp3float", "mp3", "opus", "libopus", "vorbis", "speex",
    "libspeex", "amrnb", "amrwb", "libopencore_amrnb", "libopencore_amrwb", "gsm", "gsm_ms", "adpcm_ms",
    "adpcm_ima_wav", "adpcm_ima_qt", "g722", "g726", "g726le", "pcm_alaw", "pcm_mulaw", "pcm_u8", "pcm_s8",
    "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be", "pcm_s32le", "pcm_s32be", "pcm_f32le", "pcm_f32be",
    "pcm_f64le", "pcm_f64be",
)  # fmt: skip
"""Only these decoders may run, also while FFmpeg probes the streams: no picture decoder ever sees the file."""

CHANNELS_MAX = 8
RATES_HZ = range(4_000, 192_001)
STREAMS_MAX = 16

_SEEK_SLACK_S = 20.0
"""A jump lands on the packet or cluster before the position; clusters and index steps are some seconds long."""
_BELIEVABLE_S = 100 * 3600.0
"""A header that claims more is damaged or lies; it would only make nonsense of what is said to be missing."""

_HEADER_TELLS_DURATION = frozenset({"flac", "aiff", "au", "caf", "w64", "ogg", "mov,mp4,m4a,3gp,3g2,mj2"})
"""Containers whose stream duration is the file's own bookkeeping; elsewhere it can be a guess from the bit rate."""


def opened(file: BinaryIO) -> InputContainer:
    """Return the container of a recording; raise AudioUnreadable if none of CONTAINERS fits."""
    options = {"format_whitelist": CONTAINERS, "protocol_whitelist": "none", "codec_whitelist": ",".join(CODECS)}
    try:
        return av.open(file, "r", options=options, metadata_errors="replace", io_open=_refuse_to_open)
    except (av.FFmpegError, ValueError, OSError) as error:
        raise errors.AudioUnreadable(
            "The recording cannot be decoded: it is damaged, cut off, or no audio file."
        ) from error


def voice_of(container: InputContainer) -> AudioStream:
    """Return the audio stream to decode.

    Raises AudioFormatRefused (too many streams, a codec outside CODECS), NoAudioStream, TooManyChannels, or
    AudioUnreadable for a header that makes no sense.
    """
    if len(container.streams) > STREAMS_MAX:
        raise errors.AudioFormatRefused(f"The file has {len(container.streams)} streams; a recording has one.")
    if not container.streams.audio:
        raise errors.NoAudioStream("The file has no sound in it, only other kinds of streams.")
    stream = container.streams.audio[0]
    context = stream.codec_context
    if context is None or context.codec.name not in CODECS:
        raise errors.AudioFormatRefused("The recording's codec is not one that voice messages use.")
    if context.channels > CHANNELS_MAX:
        raise errors.TooManyChannels(
            f"The recording has {context.channels} channels; at most {CHANNELS_MAX} are accepted."
        )
    if context.channels < 1 or context.sample_rate not in RATES_HZ:
        raise errors.AudioUnreadable("The recording's header is damaged: it has no usable channels or sample rate.")
    # A thread cannot be started inside the sandbox, and one is enough for audio.
    context.thread_count = 1
    if context.codec.name == "flac":
        # FLAC frames carry a checksum; without this a damaged one is played as a burst of noise.
        context.options = {"err_detect": "crccheck+explode"}
    return stream


def declared_s(container: InputContainer, stream: AudioStream, claims: Claims) -> float | None:
    """Return the length in seconds that the file declares for the stream, None where it declares none."""
    seconds: float | None = None
    name = container.format.name
    if name == "wav":
        seconds = claims.wav_duration_s
    elif name == "matroska,webm" and len(container.streams) == 1 and container.duration:
        seconds = container.duration / av.time_base
    elif name in _HEADER_TELLS_DURATION or (name == "mp3" and claims.mp3_counts_frames):
        seconds = float(stream.duration * stream.time_base) if stream.duration else None
    return seconds if seconds is not None and 0 < seconds < _BELIEVABLE_S else None


def is_longer(file: BinaryIO, declared_s: float | None, limit_s: float) -> bool:
    """Return whether a recording that declares to be far beyond a limit really holds sound there, by jumping to it.

    Hours of sound need not be decoded up to the limit first; a header that merely says so is not enough, though. Leaves
    the file at its beginning; False also where the limit is passed by less than a jump can tell.
    """
    file.seek(0)
    position_s = limit_s + _SEEK_SLACK_S
    if declared_s is None or declared_s < position_s + _SEEK_SLACK_S:
        return False
    try:
        with opened(file) as container:
            stream = voice_of(container)
            container.seek(int(position_s * av.time_base))
            packet = next(container.demux(stream))
            return packet.pts is not None and packet.pts * stream.time_base > limit_s
    except (av.FFmpegError, StopIteration, ValueError, errors.MeeshyError):
        return False
    finally:
        file.seek(0)


def _refuse_to_open(url: str, flags: int, options: dict[str, str]) -> BinaryIO:
    raise PermissionError("a recording may not name other files")
