"""Judging a reading by listening to it: accept it, try another within the budget, or hand on the best for review."""

import msgspec

from appliance.audio.measures import clipping_ratio, snr_db
from appliance.audio.pcm import pcm_of
from appliance.engines.protocols import Samples, Transcription
from appliance.jobs.items import FINISH_KEY, synthesize_key
from appliance.jobs.outcomes import Outcome
from appliance.jobs.states import Stage, TargetState
from appliance.receipts.verdict import faults
from appliance.receipts.wer import word_error_rate
from appliance.stages.context import Context
from appliance.stages.likeness import likened
from appliance.stages.progress import Reading, uttered
from appliance.stages.utterance_memory import learned_utterances
from appliance.stages.work import Work


def verified(
    context: Context,
    work: Work,
    native: Samples,
    spoken: Samples,
    heard: Transcription,
    elapsed_s: float,
    share_s: float,
) -> Outcome:
    """Measure the newest reading and return what follows; `native` is the reading as stored, `spoken` at 16 kHz.

    Listening took the batch `elapsed_s`, of which `share_s` is this reading's.

    Utterances of a reading that is accepted are kept for the next time that their text is said in that voice.
    """
    started_s = context.clock.monotonic_s()
    reading = _measured(context, work, native, spoken, heard)
    answers = learned_utterances(context, work, reading)
    reading = msgspec.structs.replace(reading, kept_bytes=len(pcm_of(native)) if answers else 0)
    measuring_s = context.clock.monotonic_s() - started_s
    progress = msgspec.structs.replace(
        work.progress,
        readings=(*work.progress.readings[:-1], reading),
        **work.progress.timed("verify", elapsed_s + measuring_s, share_s + measuring_s),
    )
    again = bool(reading.faults) and len(progress.readings) < context.settings.speak_attempts
    if again:
        state, following = TargetState.SPEAKING, work.next(Stage.SYNTHESIZE, synthesize_key(work.of.language))
    else:
        state, following = TargetState.FINISHING, work.next(Stage.FINISH, FINISH_KEY)
    target = {"progress": progress, "state": state}
    return Outcome(item=work.item, target=target, following=following, answers=answers)


def _measured(context: Context, work: Work, native: Samples, spoken: Samples, heard: Transcription) -> Reading:
    reading = work.progress.readings[-1]
    text = " ".join(utterance.text for utterance in reading.utterances)
    parts = uttered(reading, native)
    measured = msgspec.structs.replace(
        reading,
        wer=round(word_error_rate(text, heard.text), 4),
        heard_text=heard.text,
        snr_db=_rounded(snr_db(parts, reading.rate_hz)),
        clipping_ratio=round(clipping_ratio(parts), 6),
    )
    measured = likened(context, work, measured, spoken)
    return msgspec.structs.replace(
        measured,
        # What the engine said of its own reading stands beside what was heard.
        faults=reading.faults
        + faults(
            measured,
            max_wer=context.settings.max_wer,
            min_similarity=context.settings.min_similarity,
            voice_kind=reading.voice_kind,
        ),
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(float(value), 4)
