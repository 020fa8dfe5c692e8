"""The spoken translations: streamed from the object store, in ranges, revalidated by their hash."""

from collections.abc import AsyncIterator
from typing import Annotated, BinaryIO

from litestar import Response, get, head
from litestar.datastructures import ResponseHeader
from litestar.openapi import ResponseSpec
from litestar.params import HeaderParameter, PathParameter
from litestar.response import Stream

from appliance import errors
from appliance.api.jobs import JobId
from appliance.api.parts import ApiParts, Of, Parts
from appliance.api.problems import OWNED, problems
from appliance.api.ranges import matches, requested_range
from appliance.api.threads import Threads
from appliance.errors import AudioErased, NotFound
from appliance.jobs.documents import JobDocument, Spoken, TargetDocument
from appliance.languages import parse_language
from appliance.owner import Owner

PATH = "/api/v1/voice/job/{job_id:str}/audio/{language:str}"
CHUNK_BYTES = 256 * 1024
CACHING = "private, no-cache"
"""The user's own cache may keep it, but asks each time: access can be withdrawn, and 304 costs little."""

EDGE_MAX_AGE = "Meeshy-Edge-Max-Age"
"""For how many seconds an HTTP cache in front may keep the audio. A header of our own: what others understand would let
them serve it without asking."""
_PHRASES = "phrases/"

TargetLanguage = Annotated[str, PathParameter(description="A target language of the job.", max_length=35)]
Range = Annotated[str | None, HeaderParameter(name="Range", required=False, description="`bytes=0-1023` gives 206.")]
IfNoneMatch = Annotated[
    str | None, HeaderParameter(name="If-None-Match", required=False, description="ETags already held.")
]
IfRange = Annotated[
    str | None, HeaderParameter(name="If-Range", required=False, description="Serve the range only of this ETag.")
]
_HEADERS = [
    ResponseHeader(name="ETag", description="SHA-256 of the audio.", documentation_only=True, value=""),
    ResponseHeader(
        name=EDGE_MAX_AGE,
        description="Seconds that a cache in front may keep it, asking HEAD before each use.",
        documentation_only=True,
        value="",
    ),
    ResponseHeader(name="Accept-Ranges", description="`bytes`.", documentation_only=True, value=""),
]
_RESPONSES = {
    206: ResponseSpec(bytes, description="The range asked for.", media_type="audio/*", generate_examples=False),
    304: ResponseSpec(None, description="The ETag is still right."),
}


@get(
    PATH,
    operation_id="getAudio",
    summary="Hear a translation",
    tags=["results"],
    response_headers=_HEADERS,
    response_description="The whole audio, in the format that the request asked for.",
    responses=_RESPONSES
    | problems(*OWNED, errors.NotFound, errors.UnknownLanguage, errors.RangeNotSatisfiable, errors.AudioErased),
)
async def get_audio(
    job_id: JobId,
    language: TargetLanguage,
    parts: Parts,
    owner: Of,
    range_: Range = None,
    if_none_match: IfNoneMatch = None,
    if_range: IfRange = None,
) -> Stream:
    """Return the spoken translation; supports ranges and ETags."""
    spoken = await parts.threads.short(_spoken, parts, owner, job_id, language)
    headers = _headers(parts, spoken)
    known = matches(headers["ETag"], if_none_match)
    parts.metrics.looked_up("l1", _kind(spoken), hit=known)
    if known:
        return Stream(iter(()), status_code=304, headers=headers)
    stands = if_range is None or if_range == headers["ETag"]
    part = requested_range(range_, spoken.size_bytes) if stands else None
    start, end = part or (0, spoken.size_bytes)
    stream = await parts.threads.short(parts.objects.open, spoken.object)
    headers["Content-Length"] = str(end - start)
    if part:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{spoken.size_bytes}"
    return Stream(
        _bytes(parts.threads, stream, start, end),
        status_code=206 if part else 200,
        headers=headers,
    )


@head(
    PATH,
    operation_id="headAudio",
    summary="Size and ETag of a translation's audio",
    tags=["results"],
    response_headers=_HEADERS,
    response_description="The headers of the whole audio.",
    responses={304: _RESPONSES[304]} | problems(*OWNED, errors.NotFound, errors.UnknownLanguage, errors.AudioErased),
)
async def head_audio(
    job_id: JobId,
    language: TargetLanguage,
    parts: Parts,
    owner: Of,
    if_none_match: IfNoneMatch = None,
) -> Response[None]:
    """Return the audio's headers alone: what an HTTP cache in front asks before it serves what it has."""
    spoken = await parts.threads.short(_spoken, parts, owner, job_id, language)
    headers = _headers(parts, spoken)
    parts.metrics.looked_up("l1", "authorised", hit=True)
    if matches(headers["ETag"], if_none_match):
        return Response(None, status_code=304, headers=headers)
    headers["Content-Length"] = str(spoken.size_bytes)
    return Response(None, headers=headers)


def target_of(job: JobDocument, language: str) -> TargetDocument:
    """Return the job's target of a language, or raise NotFound."""
    wanted = parse_language(language)
    for target in job.targets:
        if target.language == wanted:
            return target
    raise NotFound(f"The job has no target language '{wanted}'.")


def finished(target: TargetDocument) -> Spoken:
    """Return a target's audio, or raise NotFound with the reason why there is none."""
    if target.spoken is None:
        why = target.error.detail if target.error else f"It is {target.state.replace('_', ' ')}."
        raise NotFound(f"There is no audio in '{target.language}'. {why}", state=target.state)
    if target.spoken.erased:
        raise AudioErased
    return target.spoken


def _spoken(parts: ApiParts, owner: Owner, job_id: str, language: str) -> Spoken:
    return finished(target_of(parts.reader.get(owner, job_id), language))


def _kind(spoken: Spoken) -> str:
    """Return `phrase` for audio all of whose sentences the phrase library translated, else `audio`."""
    made_by = spoken.receipt.get("engines", {}).get("translators", ())
    return "phrase" if made_by and all(name.startswith(_PHRASES) for name in made_by) else "audio"


def _headers(parts: ApiParts, spoken: Spoken) -> dict[str, str]:
    lasts_s = parts.settings.phrase_audio_ttl_s if _kind(spoken) == "phrase" else parts.settings.audio_ttl_s
    return {
        EDGE_MAX_AGE: str(round(lasts_s)),
        "Content-Type": spoken.media_type,
        "ETag": f'"{spoken.sha256}"',
        "Cache-Control": CACHING,
        "Accept-Ranges": "bytes",
    }


async def _bytes(threads: Threads, stream: BinaryIO, start: int, end: int) -> AsyncIterator[bytes]:
    with stream:
        await threads.short(stream.seek, start)
        left = end - start
        while left > 0:
            chunk = await threads.short(stream.read, min(left, CHUNK_BYTES))
            if not chunk:
                return
            left -= len(chunk)
            yield chunk
