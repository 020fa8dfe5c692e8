"""From an upload to a job: what is known already is answered, what is new is decoded and accepted."""

import secrets

from appliance.api.parts import ApiParts
from appliance.audio.declared import said_duration_s
from appliance.audio.decoded import DecodedAudio
from appliance.cache.keys import owner_digest
from appliance.errors import NoSpeech
from appliance.jobs.documents import AudioFacts, JobDocument, MissingRange
from appliance.jobs.submit import Submission


async def accepted(parts: ApiParts, submission: Submission, audio: bytes) -> JobDocument:
    """Return the job of an upload, finished where everything was known; raises why a recording is refused.

    Nothing is decoded for a request that is known, or that no route can serve.
    """
    known = await parts.threads.short(_known, parts, submission, audio)
    if known is not None:
        return known
    decoded = await parts.threads.decode(parts.decoder.decode, audio)
    if decoded.measures.is_silent:
        raise NoSpeech("The recording is silent.")
    return await parts.threads.short(_accept, parts, submission, decoded)


def _known(parts: ApiParts, submission: Submission, audio: bytes) -> JobDocument | None:
    known = parts.submitter.answer_known(submission)
    if known is None:
        parts.submitter.check(submission, len(audio), said_duration_s(audio))
        # Refused before it is decoded, and not with a 202 that no worker could keep.
        parts.objects.require_writable()
    return known


def _accept(parts: ApiParts, submission: Submission, decoded: DecodedAudio) -> JobDocument:
    # A name for this upload alone: an earlier upload of the same file may be erased at this very moment.
    name = f"pcm/{owner_digest(submission.owner)}/{submission.audio_sha256}-{secrets.token_hex(4)}.s16"
    # The samples are stored before the job exists: a job that workers can see always has its recording.
    parts.objects.put(name, decoded.pcm)
    used = None
    try:
        job = parts.submitter.accept(submission, _facts(name, decoded))
        used = job.audio.pcm if job.audio else None
    finally:
        if used != name:
            parts.objects.delete(name)
    return job


def _facts(name: str, decoded: DecodedAudio) -> AudioFacts:
    recording, measures = decoded.recording, decoded.measures
    return AudioFacts(
        pcm=name,
        duration_s=decoded.duration_s,
        container=recording.container,
        codec=recording.codec,
        missing=tuple(MissingRange(start_s, end_s) for start_s, end_s in recording.missing),
        cut_short=recording.cut_short,
        snr_db=measures.snr_db,
        clipping_ratio=measures.clipping_ratio,
    )
