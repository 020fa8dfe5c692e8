"""From an upload to a job: what is known already is answered, what is new is decoded and accepted."""

import logging
import secrets

import msgspec
import sqlalchemy as sa

from appliance.access.plan import Plan
from appliance.access.rates import count_upload
from appliance.api.parts import ApiParts
from appliance.audio.declared import said_duration_s
from appliance.audio.decoded import DecodedAudio
from appliance.cache.keys import owner_digest
from appliance.errors import MeeshyError, NoSpeech, StorageUnavailable
from appliance.jobs.documents import AudioFacts, JobDocument, MissingRange
from appliance.jobs.submit import Submission
from appliance.profiles.samples import Recording
from appliance.voices.profile_documents import SampleKind
from appliance.webhooks.trouble import require_enabled

log = logging.getLogger(__name__)


async def accepted(parts: ApiParts, plan: Plan, submission: Submission, audio: bytes) -> JobDocument:
    """Return the job of an upload, finished where everything was known; raises why a recording is refused.

    Nothing is decoded for a request that is known, that no route can serve, or that would be late.
    """
    submission = msgspec.structs.replace(submission, upload=secrets.token_hex(8))
    try:
        known = await parts.threads.short(_counted, parts, plan, submission, audio)
        return known or await _decoded(parts, submission, audio)
    finally:
        # Of whatever was not admitted in the end.
        parts.submitter.admission.leave(submission.upload)


async def _decoded(parts: ApiParts, submission: Submission, audio: bytes) -> JobDocument:
    # Asked before it is decoded, and refused rather than answered with a 202 that no worker could keep.
    await parts.threads.short(parts.objects.require_writable)
    decoded = await parts.threads.decode(parts.decoder.decode, audio)
    if decoded.measures.is_silent:
        raise NoSpeech("The recording is silent.")
    job = await parts.threads.short(_accept, parts, submission, decoded)
    request = submission.request
    if parts.settings.voice_samples_from_translations and request.consent and request.voice != "stock":
        await parts.threads.short(_learn, parts, submission, decoded)
    return job


def _learn(parts: ApiParts, submission: Submission, decoded: DecodedAudio) -> None:
    """Make a translated recording a sample of the user's profile where there is one that takes it."""
    recording = Recording(decoded.pcm, decoded.duration_s, submission.audio_sha256)
    try:
        parts.samples.add(submission.owner, SampleKind.SAMPLE, recording, origin="translation")
    except StorageUnavailable:
        log.warning("a translated recording did not become a sample: the storage is away")
    except MeeshyError as refused:
        # Of no consequence to the translation: there is no profile, or it takes nothing now.
        log.debug("a translated recording did not become a sample: %s", refused.code)


def _counted(parts: ApiParts, plan: Plan, submission: Submission, audio: bytes) -> JobDocument | None:
    """Count an upload and return its job where everything is known, in one transaction.

    That is all an overload does for most of them, and all that a full hit does; hits that come together share a commit.
    """
    # Kept for half a second: asked for within the transaction, it would take a second connection.
    parts.capabilities.current()
    database, per_minute = parts.database, parts.settings.requests_per_minute
    size_bytes, said_s = len(audio), said_duration_s(audio)

    def look(connection: sa.Connection) -> tuple[JobDocument | None, MeeshyError | None]:
        seen = refusal = None
        try:
            if submission.request.webhook_url is not None:
                require_enabled(connection, submission.owner.application_id, submission.request.webhook_url)
            seen = parts.submitter.look(connection, submission, size_bytes, said_s)
        except MeeshyError as refused:
            # Raised after the commit, so that it is counted as well; without a traceback, which would hold this frame.
            refusal = refused.with_traceback(None)
        # Other uploads of the same user wait for the count from here to the commit.
        refusal = count_upload(connection, plan, submission.owner, per_minute, database.now_s(connection)) or refusal
        if refusal is not None or seen is None or not seen.complete:
            return seen.job if seen else None, refusal
        try:
            return parts.submitter.answer(connection, submission, seen), None
        except MeeshyError as refused:
            # A plan that has changed since; nothing was written yet. Counted as any other refusal is.
            return None, refused.with_traceback(None)

    job, refusal = database.together(look)
    if refusal is None:
        return job
    try:
        raise refusal
    finally:
        # The refusal's traceback holds this frame, and with it the recording, until a garbage collection.
        del refusal


def _accept(parts: ApiParts, submission: Submission, decoded: DecodedAudio) -> JobDocument:
    # A name for this upload alone: an earlier upload of the same file may be erased at this very moment.
    name = f"pcm/{owner_digest(submission.owner)}/{submission.audio_sha256}-{secrets.token_hex(4)}.s16"
    # The samples are stored before the job exists: a job that workers can see always has its recording.
    parts.objects.put(name, decoded.pcm)
    try:
        job = parts.submitter.accept(submission, _facts(name, decoded))
    except StorageUnavailable:
        # A commit without an answer may have been done, and then there is a job that needs it. Where there is none,
        # housekeeping deletes it: no row names it.
        raise
    except MeeshyError:
        parts.objects.delete(name)
        raise
    if job.audio is None or job.audio.pcm != name:
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
