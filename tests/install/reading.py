"""A person of the tests who reads a text aloud: one of Kokoro's stock voices in a quiet room."""

import numpy as np

from appliance.audio.pcm import pcm_of
from appliance.audio.wav import wav_bytes
from appliance.catalog.store import ModelStore
from appliance.engines.kokoro import Kokoro
from appliance.engines.protocols import SPEECH_RATE_HZ, SpeakRequest, Speech
from appliance.engines.speaker_encoder import ResemblyzerEncoder
from appliance.settings import Settings
from appliance.voices.measures import to_speech_rate

VOICE = "bf_emma"
PAUSE_S = 0.3
ROOM = 1e-4
"""Amplitude of the room's noise: digital silence between words would be no recording."""


def reading(text: str) -> bytes:
    """Return a WAV file of somebody who reads an English text."""
    store = ModelStore(Settings())
    folder = store.require("kokoro-82m-int8")
    encoder = ResemblyzerEncoder(store.require("speaker-encoder") / "pretrained.pt")
    kokoro = Kokoro(folder / "model.onnx", folder / "voices", encoder)
    voice = kokoro.stock_voice("en", VOICE)
    parts = []
    for sentence in text.replace(". ", ".|").split("|"):
        (speech,) = kokoro.speak([SpeakRequest(sentence, "en", voice)])
        assert isinstance(speech, Speech), speech
        parts += [to_speech_rate(speech.samples, speech.rate_hz), np.zeros(round(PAUSE_S * SPEECH_RATE_HZ))]
    sound = np.concatenate(parts)
    room = ROOM * np.random.default_rng(1).standard_normal(len(sound))
    return wav_bytes(pcm_of((sound + room).astype(np.float32)), SPEECH_RATE_HZ)
