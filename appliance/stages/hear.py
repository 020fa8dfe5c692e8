"""Listening: transcription of recordings and verification of spoken results, in the same batches."""

from collections.abc import Sequence

from appliance.audio.pcm import samples_of
from appliance.engines.protocols import TranscribeRequest
from appliance.errors import MeeshyError
from appliance.jobs.items import ClaimedItem
from appliance.jobs.states import Stage
from appliance.stages.context import Context
from appliance.stages.recording import source_samples
from appliance.stages.transcribe import take_english, take_transcription
from appliance.stages.verify import take_verification
from appliance.stages.work import Work, fail, load_work
from appliance.voices.measures import to_speech_rate


def hear(context: Context, items: Sequence[ClaimedItem]) -> None:
    """Run a batch of transcribe and verify items and commit each under its own fence."""
    heard = []
    for work in load_work(context, items):
        try:
            heard.append((work, _request(context, work)))
        except MeeshyError as error:
            fail(context, work, error)
    if not heard:
        return
    started_s = context.clock.monotonic_s()
    results = context.engines.transcriber.transcribe([request for _, request in heard])
    elapsed_s = context.clock.monotonic_s() - started_s
    for (work, request), result in zip(heard, results, strict=True):
        if isinstance(result, MeeshyError):
            fail(context, work, result)
        elif work.item.stage is Stage.VERIFY:
            take_verification(context, work, request.samples, result, elapsed_s)
        elif request.task == "translate":
            take_english(context, work, result, elapsed_s)
        else:
            take_transcription(context, work, result, elapsed_s)


def _request(context: Context, work: Work) -> TranscribeRequest:
    if work.item.stage is Stage.VERIFY:
        reading = work.progress.readings[-1]
        spoken = samples_of(context.objects.get(reading.object))
        return TranscribeRequest(
            to_speech_rate(spoken, reading.rate_hz), language=work.of.language, word_timestamps=False
        )
    samples = source_samples(context, work)
    if work.item.payload.get("task") == "translate" and work.job.source:
        return TranscribeRequest(samples, work.job.source.language, "translate", word_timestamps=False)
    return TranscribeRequest(samples, work.job.request.source_language)
