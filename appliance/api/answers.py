"""From the job's document to the answer that applications read."""

from typing import Any

from appliance.api.wire import Answer, ErrorOut, SegmentOut, SourceOut, TargetOut, WordOut
from appliance.errors import AudioErased
from appliance.jobs.admission import Standing
from appliance.jobs.documents import Failure, JobDocument, Source, TargetDocument
from appliance.jobs.voice_choice import WHY_UNUSED

JOB_PATH = "/api/v1/voice/job"
NO_CONSENT_NOTICE = "A stock voice speaks, because consent to use the speaker's voice was not attested."


def answer(job: JobDocument, standing: Standing | None = None) -> Answer:
    """Return the job as its owner sees it; `standing` is where it stands while it is open."""
    targets = [_target(job, target) for target in job.targets]
    only = targets[0] if len(targets) == 1 else None
    audio = job.audio
    return Answer(
        job_id=job.id,
        state=job.state,
        accepted_s=job.accepted_s,
        finished_s=job.finished_s,
        queue_position=standing.queue_position if standing else None,
        eta_s=standing.eta_s if standing else None,
        source=_source(job.source) if job.source else None,
        targets=targets,
        audio_url=only.audio_url if only else None,
        similarity=only.similarity if only else None,
        cached=bool(targets) and all(target.cached for target in targets),
        partial_input=audio is not None and (bool(audio.missing) or audio.cut_short),
        missing=list(audio.missing) if audio else [],
        error=_error(job.error),
        retried_as=job.retried_as,
    )


def job_url(job_id: str) -> str:
    """Return where a job is found."""
    return f"{JOB_PATH}/{job_id}"


def _target(job: JobDocument, target: TargetDocument) -> TargetOut:
    spoken, translation = target.spoken, target.translation
    receipt = spoken.receipt if spoken else None
    return TargetOut(
        language=target.language,
        state=target.state,
        text=translation["text"] if translation else None,
        audio_url=f"{job_url(job.id)}/audio/{target.language}" if spoken and not spoken.erased else None,
        duration_s=spoken.duration_s if spoken else None,
        similarity=receipt.get("similarity") if receipt else None,
        cached=target.cached,
        quality=translation.get("quality") if translation else None,
        voice=spoken.voice_kind if spoken else None,
        voice_notice=_notice(job, target),
        receipt=receipt,
        error=_error(target.error),
    )


def _notice(job: JobDocument, target: TargetDocument) -> str | None:
    if target.spoken is None:
        return None
    # Not from the receipt: the same audio answers those who asked for a stock voice and those who lacked consent.
    said = [(target.spoken.receipt.get("voice") or {}).get("notice")]
    request = job.request
    if request.voice_in_force(target.language) != "profile" and request.profile_unused is not None:
        said.append(WHY_UNUSED[request.profile_unused])
    if target.spoken.voice_kind == "stock" and request.voice != "stock" and not request.consent:
        said.append(NO_CONSENT_NOTICE)
    if target.spoken.erased:
        said.append(AudioErased.title())
    return " ".join(filter(None, said)) or None


def _source(source: Source) -> SourceOut:
    return SourceOut(
        language=source.language,
        text=source.text,
        duration_s=source.duration_s,
        confidence=source.confidence,
        cached=source.cached,
        segments=[_segment(segment) for segment in source.transcription["segments"]],
    )


def _segment(segment: dict[str, Any]) -> SegmentOut:
    words = [
        WordOut(start_s=w["start_s"], end_s=w["end_s"], text=w["text"], probability=w["probability"])
        for w in segment.get("words") or ()
    ]
    return SegmentOut(
        start_s=segment["start_s"],
        end_s=segment["end_s"],
        text=segment["text"],
        confidence=segment["confidence"],
        words=words,
    )


def _error(failure: Failure | None) -> ErrorOut | None:
    return ErrorOut(code=failure.code, detail=failure.detail) if failure else None
