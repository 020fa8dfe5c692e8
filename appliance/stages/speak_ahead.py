"""Speaking ahead: the most wanted phrases of the library, in the voices that are stored and in use.

The texts are the site's, the sound is the owner's alone. Like translating ahead it is nobody's work, one phrase at a
time.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from appliance.cache.library import wanted_in
from appliance.engines.protocols import SpeakRequest, Voice
from appliance.errors import MeeshyError
from appliance.owner import Owner
from appliance.stages.ahead_budget import grant
from appliance.stages.context import Context
from appliance.stages.speech_shelf import KeptSpeech, SpokenIn
from appliance.stages.translate_ahead import LEAST_WORTH_LOG2
from appliance.telemetry.noting import note

PER_VOICE = 100
"""Phrases of a language that are kept spoken in one voice."""


class ActiveVoice(NamedTuple):
    """The voice of a profile that is in use, in one of the languages it is asked to speak."""

    owner: Owner
    profile_id: str
    version: str
    language: str
    voice: Callable[[], Voice]
    """Makes the engine's voice of this version; a MeeshyError where that cannot be done now."""


ActiveVoices = Callable[[], Iterable[ActiveVoice]]


def no_voices() -> Iterable[ActiveVoice]:
    """Return no voice: where profiles are not stored, nothing is spoken ahead."""
    return ()


class SpeaksAhead:
    """Speaks ahead for one worker, whose synthesizer it uses; call it in that worker's thread."""

    def __init__(self, context: Context, active_voices: ActiveVoices = no_voices) -> None:
        """Speak for these voices."""
        self._context = context
        self._kept = KeptSpeech(context)
        self._active_voices = active_voices
        self._refused: set[tuple[SpokenIn, str]] = set()

    def __call__(self) -> bool:
        """Speak one phrase and return whether there was one."""
        for active in self._active_voices():
            spoken_in = SpokenIn(active.owner, active.profile_id, active.version, active.language)
            text = self._lacking(spoken_in)
            if text is not None:
                return self._granted() and self._speak(active, spoken_in, text)
        return False

    def _lacking(self, spoken_in: SpokenIn) -> str | None:
        settings, database = self._context.settings, self._context.database
        with database.read() as connection:
            least_rank = LEAST_WORTH_LOG2 + database.now_s(connection) / settings.phrases_half_life_s
            rows = wanted_in(connection, spoken_in.language, least_rank, PER_VOICE)
        texts = dict.fromkeys(row.text for row in rows)
        lacking = self._kept.lacking(spoken_in, list(texts))
        return next((text for text in lacking if (spoken_in, text) not in self._refused), None)

    def _granted(self) -> bool:
        database = self._context.database
        with database.write() as connection:
            per_hour = self._context.settings.phrases_ahead_per_hour
            return grant(connection, per_hour, 1, database.now_s(connection)) == 1

    def _speak(self, active: ActiveVoice, spoken_in: SpokenIn, text: str) -> bool:
        try:
            request = SpeakRequest(text, active.language, active.voice())
            (speech,) = self._context.engines.synthesizer.speak([request])
        except MeeshyError as failure:
            speech = failure
        if isinstance(speech, MeeshyError) or speech.faults:
            self._refused.add((spoken_in, text))
            return True
        # While it was spoken the voice may have been erased, or replaced by a version of its own.
        still = (SpokenIn(each.owner, each.profile_id, each.version, each.language) for each in self._active_voices())
        if spoken_in in still:
            self._kept.put(spoken_in, text, speech)
            with self._context.database.write() as connection:
                note(connection, "phrases_ahead", "spoken")
        return True
