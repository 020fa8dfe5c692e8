"""Where sentences that were spoken ahead are kept: with the owner's answers, their sound in the object store."""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from appliance.audio.pcm import pcm_of
from appliance.cache.answers import Answer, keep, recall
from appliance.cache.keys import owner_digest, speech_key
from appliance.engines.protocols import Speech
from appliance.owner import Owner
from appliance.stages.context import Context

KIND = "speech"
PHRASE_AUDIO_S = 30 * 86_400.0
"""How long the sound of a phrase is kept; a version of the voice that is replaced is not asked for again."""


class SpokenIn(NamedTuple):
    """Whose voice, in which version, speaking which language."""

    owner: Owner
    version: str
    language: str


class SpeechShelf(Protocol):
    """Keeps spoken sentences by owner, version of the voice, language and text."""

    def lacking(self, of: SpokenIn, texts: Sequence[str]) -> list[str]:
        """Return which of these texts are not kept, in their order."""
        ...

    def put(self, of: SpokenIn, text: str, speech: Speech) -> None:
        """Keep a sentence."""
        ...


class KeptSpeech:
    """The shelf over `cache/answers.py` and the object store."""

    def __init__(self, context: Context) -> None:
        """Keep what this context's synthesizer speaks."""
        self._context = context

    def lacking(self, of: SpokenIn, texts: Sequence[str]) -> list[str]:
        """Return which of these texts are not kept, in their order."""
        keys = {text: self._key(of, text) for text in texts}
        database = self._context.database
        with database.read() as connection:
            kept = recall(connection, set(keys.values()), database.now_s(connection))
        return [text for text, key in keys.items() if key not in kept]

    def put(self, of: SpokenIn, text: str, speech: Speech) -> None:
        """Keep a sentence."""
        pcm = pcm_of(speech.samples)
        # Not the name of a reading: those go with their targets.
        name = f"speech/{owner_digest(of.owner)}/ahead-{hashlib.sha256(pcm).hexdigest()}.s16"
        self._context.objects.put(name, pcm)
        value = {
            "object": name,
            "rate_hz": speech.rate_hz,
            "duration_s": round(len(speech.samples) / speech.rate_hz, 3),
            "voice_version": of.version,
        }
        answer = Answer(self._key(of, text), of.owner, KIND, value, PHRASE_AUDIO_S, job_id="")
        database = self._context.database
        with database.write() as connection:
            keep(connection, [answer], database.now_s(connection))

    def _key(self, of: SpokenIn, text: str) -> str:
        synthesizer = self._context.engines.synthesizer.identity().key
        return speech_key(of.owner, text, of.language, of.version, synthesizer)
