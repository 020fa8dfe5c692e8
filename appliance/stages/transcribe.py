"""What follows from a transcription: the job's source text, kept for its owner, and a translation per language."""

from typing import Any

import msgspec
import sqlalchemy as sa

from appliance.cache.answers import keep
from appliance.cache.keys import transcription_key
from appliance.engines.protocols import Transcription
from appliance.errors import NoSpeech
from appliance.jobs.claims import Stale, complete
from appliance.jobs.documents import Source
from appliance.jobs.items import add_item, translate_key
from appliance.jobs.outcomes import plan_target
from appliance.jobs.states import FINAL_TARGET, JobState, Stage
from appliance.languages import NAMES
from appliance.stages.context import Context
from appliance.stages.progress import save_progress
from appliance.stages.work import Work, fail, log
from appliance.storage.tables import jobs


def take_transcription(context: Context, work: Work, heard: Transcription, elapsed_s: float) -> None:
    """Commit what was heard and make every open target's translation runnable; no speech fails the job."""
    if heard.no_speech or not heard.text.strip():
        fail(context, work, NoSpeech())
        return
    source = Source(
        language=heard.language if heard.language in NAMES else heard.language.split("-")[0],
        text=heard.text,
        duration_s=heard.duration_s,
        confidence=round(heard.confidence, 4),
        language_probability=round(heard.language_probability, 4),
        transcription=msgspec.to_builtins(heard),
        transcriber=context.engines.transcriber.identity().key,
        elapsed_ms=round(1000 * elapsed_s, 1),
    )
    try:
        with context.database.write() as connection:
            now_s = context.database.now_s(connection)
            complete(connection, work.item)
            _keep(connection, context, work, msgspec.to_builtins(source), now_s)
            connection.execute(
                sa.update(jobs)
                .where(jobs.c.id == work.job.id)
                .values(source=msgspec.to_builtins(source), state=JobState.RUNNING)
            )
            for target in work.job.targets:
                if target.state not in FINAL_TARGET and target.follows_id is None:
                    plan_target(connection, target.id, now_s)
    except Stale:
        log.info("%s was taken over", work.item.id)


def take_english(context: Context, work: Work, heard: Transcription, elapsed_s: float) -> None:
    """Commit Whisper's own English for one target and go on to its translation stage."""
    source = work.job.source
    if heard.no_speech or source is None:
        fail(context, work, NoSpeech("Nothing was heard in the recording when it was translated to English."))
        return
    progress = msgspec.structs.replace(
        work.progress,
        english=tuple(segment.text for segment in heard.segments),
        english_by=context.engines.transcriber.identity().key,
        sentence_spans_s=tuple((segment.start_s, segment.end_s) for segment in heard.segments),
        stage_ms=work.progress.timed("whisper_translate", elapsed_s),
    )
    try:
        with context.database.write() as connection:
            now_s = context.database.now_s(connection)
            complete(connection, work.item)
            save_progress(connection, work.of.id, progress)
            add_item(
                connection, job_id=work.job.id, target_id=work.of.id, stage=Stage.TRANSLATE, now_s=now_s,
                batch_key=translate_key("en", work.of.language), deadline_s=work.item.deadline_s,
            )  # fmt: skip
    except Stale:
        log.info("%s was taken over", work.item.id)


def _keep(connection: sa.Connection, context: Context, work: Work, source: dict[str, Any], now_s: float) -> None:
    key = transcription_key(
        work.job.owner, work.job.audio_sha256, work.job.request.source_language, source["transcriber"]
    )
    keep(
        connection, work.job.owner, "transcription", {key: source}, now_s + context.settings.result_ttl_s, work.job.id
    )  # fmt: skip
