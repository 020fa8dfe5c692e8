"""Finishing a target: the best reading made loud enough, marked, encoded, stored; its receipt; its end."""

import hashlib
from collections.abc import Sequence

import msgspec

from appliance.audio.encode import encode
from appliance.audio.formats import CONTENT_TYPES
from appliance.audio.loudness import levelled
from appliance.audio.pcm import samples_of
from appliance.cache.answers import Answer
from appliance.cache.keys import owner_digest
from appliance.cache.kinds import Kind
from appliance.errors import MeeshyError
from appliance.jobs.documents import Spoken
from appliance.jobs.endings import Ending
from appliance.jobs.items import ClaimedItem
from appliance.jobs.outcomes import Outcome
from appliance.jobs.states import TargetState
from appliance.receipts.verdict import best
from appliance.stages.context import Context
from appliance.stages.gathering import gathered
from appliance.stages.receipt import write_receipt
from appliance.stages.work import Work, load_work

_LIMITS = ("max_wer", "min_similarity", "speak_attempts")


def finish(context: Context, items: Sequence[ClaimedItem]) -> None:
    """Run a batch of finish items; each outcome is written under its item's own fence."""
    with gathered(context) as outcomes:
        for work in load_work(context, items):
            try:
                outcome, name, content = _finished(context, work)
            except MeeshyError as error:
                outcomes.fail(work, error)
            else:
                spent = [reading.object for reading in work.progress.readings if not reading.kept_bytes]
                outcomes.add(outcome, stores={name: content}, spent=spent, own=(work.job.owner, name))


def _finished(context: Context, work: Work) -> tuple[Outcome, str, bytes]:
    """Return the outcome, with the finished audio's name in the object store and its content."""
    started_s = context.clock.monotonic_s()
    readings = work.progress.readings
    # An acceptable reading wins over one with fewer wrong words that was refused for its voice.
    reading = best([reading for reading in readings if not reading.faults] or readings)
    samples, loudness_lufs = levelled(samples_of(context.objects.get(reading.object)), reading.rate_hz)
    audio_format = work.job.request.audio_format
    content = encode(samples, reading.rate_hz, audio_format)
    sha256 = hashlib.sha256(content).hexdigest()
    # Named by the target too: what a cancelled one leaves is its own, however alike another's audio is.
    name = f"result/{owner_digest(work.job.owner)}/{work.of.id}-{sha256}.{audio_format}"
    progress = msgspec.structs.replace(
        work.progress, **work.progress.timed("finish", context.clock.monotonic_s() - started_s)
    )
    receipt = write_receipt(context, work, progress, reading, loudness_lufs=loudness_lufs)
    spoken = Spoken(
        object=name,
        sha256=sha256,
        size_bytes=len(content),
        audio_format=audio_format,
        media_type=CONTENT_TYPES[audio_format],
        duration_s=reading.duration_s,
        voice_kind=receipt.voice.kind,
        receipt=msgspec.to_builtins(receipt),
        limits={name: getattr(context.settings, name) for name in _LIMITS},
    )
    if receipt.verdict == "accepted":
        ending, answers = Ending(work.of.id, TargetState.DONE, spoken), [_answer(context, work, spoken)]
    else:
        ending, answers = Ending(work.of.id, TargetState.NEEDS_REVIEW, spoken), []
    return Outcome(item=work.item, ending=ending, answers=answers), name, content


def _answer(context: Context, work: Work, spoken: Spoken) -> Answer:
    """Return the target as it is kept for the next request of the same."""
    kept = {
        "state": TargetState.DONE,
        "translation": work.of.translation,
        "spoken": spoken,
        "source": work.job.source,
        "audio": msgspec.structs.replace(work.job.audio, pcm="") if work.job.audio else None,
    }
    return work.answer(work.result_key, Kind.RESULT, kept, context.settings.result_ttl_s)
