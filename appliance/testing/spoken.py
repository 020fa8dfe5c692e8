"""What scripted engines make of a text, known before anything runs."""

import hashlib
from functools import cache

from appliance.audio.encode import encode
from appliance.audio.loudness import normalised
from appliance.audio.pcm import pcm_of, samples_of
from appliance.engines.protocols import SPEECH_RATE_HZ
from appliance.testing.engines import scripted_speech


@cache
def audio_of(text: str, language: str) -> str:
    """Return the SHA-256 of the WAV that a text's translation becomes."""
    spoken = samples_of(pcm_of(scripted_speech(f"{language}:{text}")))
    return hashlib.sha256(encode(normalised(spoken, SPEECH_RATE_HZ), SPEECH_RATE_HZ, "wav")).hexdigest()
