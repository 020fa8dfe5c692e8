"""What a worker does when nobody waits for anything: phrases that will be wanted, translated and spoken ahead."""

from collections.abc import Callable, Collection

from appliance.jobs.quiet import is_quiet
from appliance.jobs.registry import this_host
from appliance.stages.context import Context
from appliance.stages.speak_ahead import ActiveVoices, SpeaksAhead, no_voices
from appliance.stages.translate_ahead import TranslatesAhead

REST_S = 60.0
"""After a look that found nothing to do, how long none is taken: what is wanted changes by the minute."""


class SpareTime:
    """Does one unit per call, with the engines of the families that the worker takes."""

    def __init__(
        self,
        context: Context,
        families: Collection[str],
        active_voices: ActiveVoices = no_voices,
    ) -> None:
        """Work for this context; nothing is spoken ahead without active voices."""
        self._context = context
        self._rests_until_s = float("-inf")
        self._ahead: list[Callable[[], bool]] = []
        if "translate" in families:
            self._ahead.append(TranslatesAhead(context))
        if "synthesize" in families:
            self._ahead.append(SpeaksAhead(context, active_voices))

    def __call__(self) -> bool:
        """Do one unit if nothing waits, and return whether it was done."""
        settings, clock = self._context.settings, self._context.clock
        if not (settings.phrases_most and settings.phrases_ahead_per_hour):
            return False
        if clock.monotonic_s() < self._rests_until_s:
            return False
        with self._context.database.read() as connection:
            if not is_quiet(connection, this_host()):
                return False
        # Also after one that failed: a pack that breaks must not be tried at every ring.
        self._rests_until_s = clock.monotonic_s() + REST_S
        did = any(do() for do in self._ahead)
        if did:
            self._rests_until_s = float("-inf")
        return did


def never() -> bool:
    """Do nothing ahead."""
    return False
