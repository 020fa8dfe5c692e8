"""Sound that tests can compute with: voices made of harmonics, known noise, and files of it in every container."""

import io
from dataclasses import dataclass

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler

from appliance.audio.pcm import pcm_of
from appliance.audio.wav import wav_bytes
from appliance.engines.protocols import Samples

_PITCH_HZ = 140.0
_HARMONICS = 8
_SYLLABLES_HZ = 3.0


def voice(seconds: float, rate_hz: int = 16_000, level: float = 0.3) -> Samples:
    """Return something like speech, float32: a harmonic tone in syllables, a third of the time silent."""
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    syllables = np.clip(np.sin(2 * np.pi * _SYLLABLES_HZ * time_s) + 0.5, 0, 1)
    tone = sum(np.sin(2 * np.pi * _PITCH_HZ * number * time_s) / number for number in range(1, _HARMONICS + 1))
    return (level * syllables * tone).astype(np.float32)


def noise(seconds: float, rms: float, rate_hz: int = 16_000, seed: int = 0) -> Samples:
    """Return white noise of exactly the given RMS, float32."""
    drawn = np.random.default_rng(seed).standard_normal(round(seconds * rate_hz))
    return (drawn * (rms / np.sqrt(np.mean(drawn**2)))).astype(np.float32)


@dataclass(frozen=True, slots=True)
class _Recipe:
    container: str
    codec: str
    rate_hz: int
    options: dict[str, str]


_RECIPES = {
    "mp3": _Recipe("mp3", "libmp3lame", 44_100, {}),
    "ogg": _Recipe("ogg", "libopus", 48_000, {}),
    "flac": _Recipe("flac", "flac", 16_000, {}),
    # The index in front: behind, any cut would leave nothing to decode.
    "m4a": _Recipe("ipod", "aac", 44_100, {"moov_size": "65536"}),
    "webm": _Recipe("webm", "libopus", 48_000, {}),
}

CONTAINERS = ("wav", *_RECIPES)


def sound_start(container: str, data: bytes) -> int:
    """Return the offset behind a file's headers: damage from there on leaves what the file says about itself intact."""
    if container == "wav":
        return 44
    if container == "mp3":
        # The first frame holds no sound but the number of frames.
        return data.index(b"\xff\xfb", data.index(b"\xff\xfb") + 2)
    if container == "flac":
        return data.index(b"\xff\xf8", 42)
    if container == "m4a":
        return data.index(b"mdat") + 4
    if container == "ogg":
        return data.index(b"OggS", data.index(b"OpusTags"))
    return data.index(b"\x1f\x43\xb6\x75")


def recording(container: str, samples: Samples, rate_hz: int = 16_000) -> bytes:
    """Return mono samples as a file in one of CONTAINERS, as a phone or a browser would send it."""
    if container == "wav":
        return wav_bytes(pcm_of(samples), rate_hz)
    recipe = _RECIPES[container]
    file = io.BytesIO()
    options = {"fflags": "+bitexact", **recipe.options}
    with av.open(file, "w", format=recipe.container, container_options=options) as output:
        stream = output.add_stream(recipe.codec, rate=recipe.rate_hz, layout="mono")
        context = stream.codec_context
        whole = AudioFrame.from_ndarray(np.ascontiguousarray(samples)[np.newaxis, :], format="fltp", layout="mono")
        whole.sample_rate = rate_hz
        resampler = AudioResampler(context.format, "mono", recipe.rate_hz, frame_size=context.frame_size or None)
        for frame in [*resampler.resample(whole), *resampler.resample(None), None]:
            output.mux(stream.encode(frame))
    return file.getvalue()
