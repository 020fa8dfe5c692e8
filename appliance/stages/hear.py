"""Listening: transcription of recordings and verification of spoken results, in the same batches."""

from collections.abc import Sequence

from appliance.audio.pcm import samples_of
from appliance.engines.protocols import Samples, TranscribeRequest, Transcription
from appliance.engines.warm import WHISPER
from appliance.errors import MeeshyError
from appliance.jobs.items import ClaimedItem
from appliance.jobs.outcomes import Outcome
from appliance.jobs.states import Stage
from appliance.stages.context import Context
from appliance.stages.gathering import gathered
from appliance.stages.recording import source_samples
from appliance.stages.shares import shares_s
from appliance.stages.transcribe import heard_in_english, transcribed
from appliance.stages.verify import verified
from appliance.stages.work import Work, load_work
from appliance.voices.measures import to_speech_rate


def hear(context: Context, items: Sequence[ClaimedItem]) -> None:
    """Run a batch of transcribe and verify items; each outcome is written under its item's own fence."""
    with gathered(context) as outcomes:
        heard = []
        for work in load_work(context, items):
            try:
                heard.append((work, *_request(context, work)))
            except MeeshyError as error:
                outcomes.fail(work, error)
        outcomes.write()
        if not heard:
            return
        started_s = context.clock.monotonic_s()
        context.models.used_warm(WHISPER)
        results = context.engines.transcriber.transcribe([request for _, _, request in heard])
        elapsed_s = context.clock.monotonic_s() - started_s
        own_s = shares_s(elapsed_s, [len(request.samples) for _, _, request in heard])
        for (work, sound, request), result, share_s in zip(heard, results, own_s, strict=True):
            try:
                if isinstance(result, MeeshyError):
                    raise result
                outcome = _outcome(context, work, sound, request, result, elapsed_s, share_s)
            except MeeshyError as error:
                outcomes.fail(work, error)
            else:
                outcomes.add(outcome)


def _outcome(
    context: Context,
    work: Work,
    sound: Samples,
    request: TranscribeRequest,
    heard: Transcription,
    elapsed_s: float,
    share_s: float,
) -> Outcome:
    if work.item.stage is Stage.VERIFY:
        return verified(context, work, sound, request.samples, heard, elapsed_s, share_s)
    if request.task == "translate":
        return heard_in_english(context, work, heard, elapsed_s, share_s)
    return transcribed(context, work, heard, elapsed_s, share_s)


def _request(context: Context, work: Work) -> tuple[Samples, TranscribeRequest]:
    """Return the sound of an item as it is stored, and what the transcriber is asked about it."""
    if work.item.stage is Stage.VERIFY:
        reading = work.progress.readings[-1]
        sound = samples_of(context.objects.get(reading.object))
        at_speech_rate = to_speech_rate(sound, reading.rate_hz)
        return sound, TranscribeRequest(at_speech_rate, language=work.of.language, word_timestamps=False)
    sound = source_samples(context, work)
    if work.item.payload.get("task") == "translate" and work.job.source:
        return sound, TranscribeRequest(sound, work.job.source.language, "translate", word_timestamps=False)
    return sound, TranscribeRequest(sound, work.job.request.source_language)
