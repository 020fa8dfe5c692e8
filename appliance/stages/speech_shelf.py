"""Where sentences that were spoken ahead are kept: with the owner's answers, their sound in the object store."""

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from appliance.audio.pcm import pcm_of, samples_of
from appliance.cache.answers import Answer, keep, recall
from appliance.cache.keys import ahead_key, owner_digest
from appliance.cache.kinds import AHEAD_S, Kind
from appliance.engines.protocols import Speech
from appliance.errors import NotFound
from appliance.owner import Owner
from appliance.profiles.erasure import AHEAD
from appliance.stages.context import Context
from appliance.voices.profile_rows import profile_of

KIND = Kind.AHEAD


class SpokenIn(NamedTuple):
    """Whose voice, of which profile, in which version (`Voice.version`), speaking which language."""

    owner: Owner
    profile_id: str
    version: str
    language: str


class KeptSpeech:
    """Keeps spoken sentences by owner, version of the voice, language and text."""

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

    def take(self, wanted: Sequence[tuple[SpokenIn, Sequence[str]]]) -> list[dict[str, Speech]]:
        """Return, for each voice with its sentences, those that are kept, by text; one look for all of them."""
        keys = [{text: self._key(of, text) for text in texts} for of, texts in wanted]
        named = {key for of_one in keys for key in of_one.values()}
        if not named:
            return [{} for _ in wanted]
        database = self._context.database
        with database.read() as connection:
            kept = recall(connection, named, database.now_s(connection))
        sounds = {key: speech for key, value in kept.items() if (speech := self._sound(value)) is not None}
        return [{text: sounds[key] for text, key in of_one.items() if key in sounds} for of_one in keys]

    def put(self, of: SpokenIn, text: str, speech: Speech) -> None:
        """Keep a sentence, unless its voice was erased meanwhile."""
        pcm = pcm_of(speech.samples)
        # Not the name of a reading: those go with their targets.
        name = f"speech/{owner_digest(of.owner)}/{AHEAD}{hashlib.sha256(pcm).hexdigest()}.s16"
        self._context.objects.put(name, pcm)
        value = {
            "object": name,
            "rate_hz": speech.rate_hz,
            "duration_s": round(len(speech.samples) / speech.rate_hz, 3),
            "voice_version": of.version,
        }
        answer = Answer(self._key(of, text), of.owner, KIND, value, AHEAD_S, job_id="")
        database = self._context.database
        with database.write() as connection:
            # Held until the commit: an erasure then finds the row, or this finds no profile.
            profile = profile_of(connection, of.owner, lock="use")
            erased = profile is None or profile.id != of.profile_id
            if not erased:
                keep(connection, [answer], database.now_s(connection))
        if erased:
            self._context.objects.delete(name)

    def _sound(self, value: Mapping[str, Any]) -> Speech | None:
        with suppress(NotFound):  # its profile was erased since
            return Speech(samples_of(self._context.objects.get(value["object"])), value["rate_hz"])
        return None

    def _key(self, of: SpokenIn, text: str) -> str:
        synthesizer = self._context.engines.synthesizer.identity().key
        return ahead_key(of.owner, text, of.language, of.version, synthesizer)
