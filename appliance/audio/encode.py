"""Speech into files that people can play: WAV, MP3, Ogg/Opus, M4A.

The same samples give the same bytes (bit-exact muxers: no random serial numbers, no dates, no library versions), so a
result's hash is stable and repeated work is stored once. Metadata says what the listener should know and nothing about
the machine.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import OutputContainer

from appliance.audio.formats import AudioFormat
from appliance.audio.pcm import pcm_of
from appliance.audio.wav import wav_bytes
from appliance.engines.protocols import Samples

METADATA = {"title": "Translated voice message", "comment": "Synthetic speech made by a machine translation."}


class Watermark(Protocol):
    """Marks speech as synthetic in the sound itself; runs on the final samples, right before they are encoded."""

    def mark(self, samples: Samples, rate_hz: int) -> Samples:
        """Return the marked samples: as many, at the same rate, float32 in [-1, 1]."""
        ...


class NoWatermark:
    """Leaves the samples as they are: what runs until the site has a watermark."""

    def mark(self, samples: Samples, rate_hz: int) -> Samples:
        """Return the samples unchanged."""
        return samples


@dataclass(frozen=True, slots=True)
class _Recipe:
    """How FFmpeg makes one format; rates that a codec does not take are resampled to the nearest better one."""

    container: str
    codec: str
    rates_hz: tuple[int, ...]
    bit_rate: int
    """Bits per second, enough that speech at the engines' 24 kHz is transparent."""


_RECIPES: dict[AudioFormat, _Recipe] = {
    "mp3": _Recipe("mp3", "libmp3lame", (16_000, 22_050, 24_000, 32_000, 44_100, 48_000), 64_000),
    "opus": _Recipe("ogg", "libopus", (48_000,), 32_000),
    "m4a": _Recipe("ipod", "aac", (16_000, 22_050, 24_000, 32_000, 44_100, 48_000), 64_000),
}

_M4A_INDEX_BYTES = 4096
_M4A_INDEX_BYTES_PER_FRAME = 8
_AAC_FRAME_SAMPLES = 1024
_SHORTEST_S = 0.05


def encode(
    samples: Samples,
    rate_hz: int,
    audio_format: AudioFormat,
    watermark: Watermark | None = None,
    metadata: Mapping[str, str] = METADATA,
) -> bytes:
    """Return mono float samples as a file of the format, marked by the watermark first.

    WAV is 16-bit PCM at the given rate and carries no metadata. Opus always decodes at 48 kHz. M4A decodes to up to
    35 ms more than was put in (AAC works in whole frames); its index stands in front, so players can start at once.
    Sound of less than 50 ms is padded with silence to that, because codecs drop what fills no frame.
    """
    padding = max(0, round(_SHORTEST_S * rate_hz) - len(samples))
    samples = np.pad(samples, (0, padding))
    marked = (watermark or NoWatermark()).mark(np.asarray(samples, dtype=np.float32), rate_hz)
    if audio_format == "wav":
        return wav_bytes(pcm_of(marked), rate_hz)
    recipe = _RECIPES[audio_format]
    file = io.BytesIO()
    with av.open(
        file, "w", format=recipe.container, container_options=_options(recipe, len(marked) / rate_hz)
    ) as output:
        output.metadata.update(metadata)
        stream = _stream(output, recipe, rate_hz)
        for frame in [*_frames(marked, rate_hz, stream), None]:
            output.mux(stream.encode(frame))
    return file.getvalue()


def _options(recipe: _Recipe, duration_s: float) -> dict[str, str]:
    options = {"fflags": "+bitexact"}
    if recipe.container == "ipod":
        frames = duration_s * recipe.rates_hz[-1] / _AAC_FRAME_SAMPLES
        options["moov_size"] = str(_M4A_INDEX_BYTES + int(frames) * _M4A_INDEX_BYTES_PER_FRAME)
    return options


def _stream(output: OutputContainer, recipe: _Recipe, rate_hz: int) -> AudioStream:
    rate = next((rate for rate in recipe.rates_hz if rate >= rate_hz), recipe.rates_hz[-1])
    stream: Any = output.add_stream(recipe.codec, rate=rate, layout="mono", options={"flags": "+bitexact"})
    stream.bit_rate = recipe.bit_rate
    return stream


def _frames(samples: Samples, rate_hz: int, stream: AudioStream) -> list[AudioFrame]:
    """Return the samples in the stream's own sample format, rate and frame size."""
    context = stream.codec_context
    whole = AudioFrame.from_ndarray(np.ascontiguousarray(samples)[np.newaxis, :], format="fltp", layout="mono")
    whole.sample_rate = rate_hz
    whole.pts = 0
    resampler = AudioResampler(context.format, "mono", context.sample_rate, frame_size=context.frame_size or None)
    return [*resampler.resample(whole), *resampler.resample(None)]
