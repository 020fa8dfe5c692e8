"""From a file to plain sound with FFmpeg; runs in the decoder's child only.

What could not be decoded becomes silence of the same length, so that the rest stays in its place.
"""

import io
from typing import BinaryIO

from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer

from appliance import errors
from appliance.audio import opening, wire
from appliance.audio.declared import Claims, claims
from appliance.audio.decoded import PCM_BYTES_PER_SAMPLE, PCM_RATE_HZ, Recording
from appliance.audio.descriptor import DescriptorFile
from appliance.audio.measures import measure
from appliance.audio.pcm import samples_of
from appliance.audio.pieces import Piece, pieces_of
from appliance.audio.timeline import Timeline
from appliance.audio.wav import wav_bytes

LENGTH_SLACK_S = 0.25
"""Encoders pad: a recording of exactly the allowed length may decode to a little more."""


def warm_up() -> None:
    """Decode a moment of silence, so that what is loaded on first use is loaded before the sandbox closes."""
    unpacked(io.BytesIO(wav_bytes(bytes(3200))), 1.0)


def answer(source_fd: int, max_audio_s: float) -> tuple[wire.Message, bytes | bytearray]:
    """Return what to tell the parent about the recording, and its PCM (empty if it was refused)."""
    try:
        pcm, recording = unpacked(DescriptorFile(source_fd), max_audio_s)
    except errors.MeeshyError as refusal:
        return wire.Refused(refusal.code, refusal.detail[:500]), b""
    except MemoryError:
        return wire.Refused(errors.AudioUnreadable.code, "The recording needs too much memory to decode."), b""
    return wire.Heard(len(pcm) // PCM_BYTES_PER_SAMPLE, recording), pcm


def unpacked(file: BinaryIO, max_audio_s: float) -> tuple[bytearray, Recording]:
    """Return a recording's PCM (mono, 16 kHz, signed 16-bit little-endian) and what is known about it.

    Raises AudioUnreadable, AudioEmpty, AudioFormatRefused, NoAudioStream, TooManyChannels, or AudioTooLong as soon as
    `max_audio_s` is passed, whatever the header says.
    """
    told = claims(file)
    with opening.opened(file) as container:
        declared_s = opening.declared_s(container, opening.voice_of(container), told)
    if opening.is_longer(file, declared_s, max_audio_s):
        raise _too_long(max_audio_s)
    with opening.opened(file) as container:
        return _decoded(container, opening.voice_of(container), declared_s, max_audio_s, told)


def _decoded(
    container: InputContainer, stream: AudioStream, declared_s: float | None, max_audio_s: float, told: Claims
) -> tuple[bytearray, Recording]:
    sink = _Sink(_timeline(container, declared_s, max_audio_s), max_audio_s)
    for piece in pieces_of(container, stream):
        sink.take(piece)
    pcm = sink.finished()
    if not pcm:
        if declared_s:
            raise errors.AudioUnreadable("The recording is damaged: nothing in it could be decoded.")
        raise errors.AudioEmpty("The recording is a valid file without any sound in it.")
    return pcm, Recording(
        container=container.format.name,
        codec=stream.codec_context.codec.canonical_name,
        channels=stream.codec_context.channels,
        sample_rate_hz=stream.codec_context.sample_rate,
        declared_duration_s=declared_s,
        missing=sink.timeline.missing(declared_s, sink.damaged),
        cut_short=container.format.name == "ogg" and told.ogg_is_cut_short,
        measures=measure(samples_of(pcm), PCM_RATE_HZ),
    )


def _timeline(container: InputContainer, declared_s: float | None, max_audio_s: float) -> Timeline:
    reach_s = max_audio_s if declared_s is None else min(max_audio_s, declared_s)
    return Timeline(reach_s + LENGTH_SLACK_S, starts_at_zero=container.format.name == "flac")


class _Sink:
    """Collects mono 16 kHz PCM, each piece in its place, and stops at the allowed length."""

    def __init__(self, timeline: Timeline, max_audio_s: float) -> None:
        self.timeline = timeline
        self.damaged = False
        self._content = bytearray()
        self._max_audio_s = max_audio_s
        self._resampler: AudioResampler | None = None
        self._shape: tuple[str, int, str] | None = None

    def take(self, piece: Piece) -> None:
        """Add a decoded frame of any shape; raise AudioTooLong when the allowed length is passed."""
        self.damaged |= piece.after_damage
        frame = piece.frame
        shape = (frame.format.name, frame.sample_rate, frame.layout.name)
        if frame.sample_rate not in opening.RATES_HZ or not 1 <= frame.layout.nb_channels <= opening.CHANNELS_MAX:
            self.damaged = True
            return
        length_s = frame.samples / frame.sample_rate
        hole = self.timeline.place(piece.stamp_s, length_s, piece.after_damage, piece.lost_s)
        if self.timeline.content_s > self._max_audio_s + LENGTH_SLACK_S:
            raise _too_long(self._max_audio_s)
        if hole or shape != self._shape or self._resampler is None:
            self._drain()
            self._resampler, self._shape = AudioResampler(format="s16", layout="mono", rate=PCM_RATE_HZ), shape
        frame.pts = None
        self._keep(self._resampler.resample(frame))

    def finished(self) -> bytearray:
        """Return all PCM with silence in the holes."""
        self._drain()
        self.timeline.settle()
        filled, taken_bytes = bytearray(), 0
        for content_s, length_s in self.timeline.holes:
            upto_bytes = _pcm_bytes(content_s)
            filled += memoryview(self._content)[taken_bytes:upto_bytes]
            filled += bytes(_pcm_bytes(length_s))
            taken_bytes = upto_bytes
        return filled + memoryview(self._content)[taken_bytes:] if self._content else bytearray()

    def _drain(self) -> None:
        """Add what the resampler still holds."""
        if self._resampler is not None:
            self._keep(self._resampler.resample(None))
            self._resampler = None

    def _keep(self, frames: list[AudioFrame]) -> None:
        for frame in frames:
            self._content += memoryview(frame.planes[0])[: frame.samples * PCM_BYTES_PER_SAMPLE]


def _too_long(max_audio_s: float) -> errors.AudioTooLong:
    return errors.AudioTooLong(f"The recording is longer than the {max_audio_s:g} s that are allowed here.")


def _pcm_bytes(seconds: float) -> int:
    return round(seconds * PCM_RATE_HZ) * PCM_BYTES_PER_SAMPLE
