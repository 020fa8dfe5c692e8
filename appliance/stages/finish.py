"""Finishing a target: the best reading made loud enough, marked, encoded, stored; its receipt; its end."""

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec

from appliance.audio.encode import encode
from appliance.audio.formats import CONTENT_TYPES
from appliance.audio.loudness import integrated_lufs, normalised
from appliance.audio.pcm import samples_of
from appliance.cache.answers import keep
from appliance.cache.keys import owner_digest
from appliance.errors import MeeshyError
from appliance.jobs.cancel import object_needed
from appliance.jobs.claims import Stale, complete
from appliance.jobs.documents import Spoken
from appliance.jobs.items import ClaimedItem
from appliance.jobs.outcomes import end_target
from appliance.jobs.query import is_open, result_key_of
from appliance.jobs.states import TargetState
from appliance.receipts.receipt import Receipt
from appliance.receipts.verdict import best
from appliance.stages.context import Context
from appliance.stages.progress import Reading, save_progress
from appliance.stages.receipt import write_receipt
from appliance.stages.work import Work, fail, load_work, log

_LIMITS = ("max_wer", "min_similarity", "speak_attempts")


def finish(context: Context, items: Sequence[ClaimedItem]) -> None:
    """Run a batch of finish items and commit each under its own fence."""
    for work in load_work(context, items):
        try:
            _finish(context, work)
        except MeeshyError as error:
            fail(context, work, error)


def _finish(context: Context, work: Work) -> None:
    started_s = context.clock.monotonic_s()
    readings = work.progress.readings
    # An acceptable reading wins over one with fewer wrong words that was refused for its voice.
    reading = best([reading for reading in readings if not reading.faults] or readings)
    samples = normalised(samples_of(context.objects.get(reading.object)), reading.rate_hz)
    audio_format = work.job.request.audio_format
    content = encode(samples, reading.rate_hz, audio_format)
    sha256 = hashlib.sha256(content).hexdigest()
    # Named by the target too: what a cancelled one leaves is its own, however alike another's audio is.
    name = f"result/{owner_digest(work.job.owner)}/{work.of.id}-{sha256}.{audio_format}"
    context.objects.put(name, content)
    progress = msgspec.structs.replace(
        work.progress, stage_ms=work.progress.timed("finish", context.clock.monotonic_s() - started_s)
    )
    receipt = write_receipt(
        context, work, progress, reading, loudness_lufs=integrated_lufs(samples, reading.rate_hz)
    )  # fmt: skip
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
    if _commit(context, work, receipt, spoken):
        _drop_readings(context, work.progress.readings)
    else:
        _drop_unwanted(context, work, name)


def _commit(context: Context, work: Work, receipt: Receipt, spoken: Spoken) -> bool:
    state = TargetState.DONE if receipt.verdict == "accepted" else TargetState.NEEDS_REVIEW
    try:
        with context.database.write() as connection:
            now_s = context.database.now_s(connection)
            complete(connection, work.item)
            save_progress(connection, work.of.id, work.progress)
            if state is TargetState.DONE:
                key = result_key_of(connection, work.of.id)
                answer: dict[str, Any] = {
                    "state": state,
                    "translation": work.of.translation,
                    "spoken": msgspec.to_builtins(spoken),
                    "source": msgspec.to_builtins(work.job.source),
                    "audio": {**msgspec.to_builtins(work.job.audio), "pcm": ""},
                }
                keep(
                    connection, work.job.owner, "result", {key: answer}, now_s + context.settings.result_ttl_s,
                    work.job.id,
                )  # fmt: skip
            end_target(connection, work.of.id, state, now_s, spoken=msgspec.to_builtins(spoken))
    except Stale:
        log.info("%s was taken over", work.item.id)
        return False
    return True


def _drop_unwanted(context: Context, work: Work, name: str) -> None:
    """Delete audio whose target has ended without it; while it is open, another worker may be about to name the same.

    Once it has ended nobody will: what names the object now, another's row that took over the result too, is all.
    """
    with context.database.read() as connection:
        wanted = is_open(connection, work.of.id) or object_needed(connection, work.job.owner, name)
    if not wanted:
        context.objects.delete(name)


def _drop_readings(context: Context, readings: Sequence[Reading]) -> None:
    for reading in readings:
        context.objects.delete(reading.object)
