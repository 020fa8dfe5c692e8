"""The fast path: which steps a language skips, decided from what is known and nothing else.

A whole language that was answered before skips everything; the API answers it without a worker (`jobs/submit.py`).
What is known of a part skips exactly the steps that would make that part. The receipt names them (`cached_stages`).
"""

from dataclasses import dataclass

from appliance.jobs.states import Stage

STEPS = ("transcribe", "translate", "voice", "synthesize", "verify", "finish")
"""In their order. `voice` is no work item of its own: making a voice from a recording, before the first word."""


SPEAKING = ("voice", "synthesize", "verify")
"""Those that are made anew for another reading."""


@dataclass(frozen=True, kw_only=True)
class Known:
    """What is kept of what a language needs, each with the owner, engines, weights and settings in force."""

    result: bool = False
    """The finished language: audio, receipt, everything."""
    transcription: bool = False
    """What is said in the recording."""
    translation: bool = False
    """Every sentence of the translation."""
    voice: bool = False
    """The speaker's voice, as the synthesizer takes it."""
    spoken: bool = False
    """Every sentence, spoken in the voice in force, though not heard yet."""
    speech: bool = False
    """Every sentence, spoken in the voice in force and heard to be right."""


def skipped(known: Known) -> tuple[str, ...]:
    """Return the steps that need not be made, in their order.

    Speech that is known was heard before: listening to it again would say the same.
    """
    if known.result:
        return STEPS
    skips = {
        "transcribe": known.transcription,
        "translate": known.translation,
        "voice": known.voice,
        "synthesize": known.spoken or known.speech,
        "verify": known.speech,
    }
    return tuple(step for step in STEPS if skips.get(step, False))


def after_speech(known: Known) -> Stage:
    """Return the stage of the work item that follows once a reading is there."""
    return Stage.FINISH if "verify" in skipped(known) else Stage.VERIFY
