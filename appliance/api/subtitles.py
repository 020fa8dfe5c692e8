"""Subtitles of the recording and of each translation, timed on the audio that they belong to."""

from typing import Annotated

from litestar import Response, get
from litestar.params import PathParameter

from appliance import errors
from appliance.api.audio import finished, target_of
from appliance.api.jobs import JobId
from appliance.api.parts import Of, Parts
from appliance.api.problems import OWNED, problems
from appliance.api.subtitle_text import Cue, as_srt, as_vtt
from appliance.errors import NotFound
from appliance.jobs.documents import JobDocument
from appliance.languages import parse_language

MEDIA_TYPES = {"srt": "application/x-subrip", "vtt": "text/vtt"}
_WRITERS = {"srt": as_srt, "vtt": as_vtt}

FileName = Annotated[
    str,
    PathParameter(
        description="Language, dot, `srt` or `vtt`: `fr.vtt`. The recording's own language gives what was heard.",
        max_length=40,
    ),
]


@get(
    "/api/v1/voice/job/{job_id:str}/subtitles/{file:str}",
    operation_id="getSubtitles",
    summary="Subtitles of the recording or of a translation",
    tags=["results"],
    response_description="SubRip (`application/x-subrip`) or WebVTT (`text/vtt`).",
    responses=problems(*OWNED, errors.NotFound, errors.UnknownLanguage, errors.AudioErased),
)
async def get_subtitles(job_id: JobId, file: FileName, parts: Parts, owner: Of) -> Response[bytes]:
    """Return subtitles timed on the recording (its own language) or on the spoken translation."""
    language, _, kind = file.rpartition(".")
    if kind not in _WRITERS:
        raise NotFound("Subtitles end in .srt or .vtt.")
    job = await parts.threads.short(parts.reader.get, owner, job_id)
    text = _WRITERS[kind](_cues(job, parse_language(language)))
    headers = {"Content-Type": f"{MEDIA_TYPES[kind]}; charset=utf-8", "Cache-Control": "private, no-cache"}
    return Response(text.encode(), headers=headers)


def _cues(job: JobDocument, language: str) -> list[Cue]:
    """Return a translation's cues, or those of the recording where its language is not also a target."""
    is_target = any(target.language == language for target in job.targets)
    if job.source and job.source.language == language and not is_target:
        return [Cue(s["start_s"], s["end_s"], s["text"]) for s in job.source.transcription["segments"]]
    utterances = finished(target_of(job, language)).receipt.get("utterances") or []
    return [Cue(u["start_s"], u["end_s"], u["text"]) for u in utterances]
