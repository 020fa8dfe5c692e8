"""Voice profiles: the consent ceremony, samples, what became of them, and erasure."""

from functools import partial

import msgspec
from litestar import Request, Response, delete, get, post
from litestar.openapi import ResponseSpec

from appliance import errors
from appliance.access.caller import Caller
from appliance.api.bodies import Shape
from appliance.api.parts import ApiParts, Of, Parts
from appliance.api.problems import OWNED, problems
from appliance.api.profile_bodies import ProfileIn, SampleJson, SampleWishes
from appliance.api.threads import sleep
from appliance.api.translate import POLL_AFTER_S, IdempotencyKey
from appliance.api.upload import UPLOAD_REFUSALS, Upload, read_json, read_upload
from appliance.api.waiting import FIRST_PAUSE_S, LONGEST_PAUSE_S, PAUSE_GROWTH
from appliance.cache.purges import forget_purged
from appliance.errors import MeeshyError, NoSpeech, NotFound
from appliance.owner import Owner
from appliance.profiles.ceremony import open_ceremony
from appliance.profiles.erasure import ErasureReceipt, erase_profile
from appliance.profiles.samples import Recording
from appliance.profiles.view import ProfileOut, SampleOut, view_profile, view_sample
from appliance.voices.profile_documents import SampleKind, SampleState

PATH = "/api/v1/voice/profile"
SAMPLE_PATH = f"{PATH}/sample"
SHAPE = Shape(form=SampleWishes, json=SampleJson)


@post(
    PATH,
    operation_id="openProfile",
    summary="Ask for consent to a voice profile",
    tags=["profile"],
    status_code=201,
    response_description="The profile, which waits for the statement to be read.",
    responses=problems(
        *OWNED,
        errors.VoiceProfileExists,
        errors.IdempotencyConflict,
        errors.ContentTypeRefused,
        errors.UploadTooLarge,
        errors.UnknownLanguage,
        errors.VoiceKeyUnusable,
    ),
)
async def open_profile(
    request: Request[Caller, None, object], parts: Parts, owner: Of, idempotency_key: IdempotencyKey = None
) -> ProfileOut:
    """Open the ceremony, or ask for another phrase while consent has not been given."""
    with parts.room.held() as held:
        asked = (await read_json(request, ProfileIn, held)).wanted()
    await parts.threads.short(open_ceremony, parts.database, parts.vault, parts.settings, owner, asked, idempotency_key)
    return await parts.threads.short(view_profile, parts.database, parts.vault, owner)


@get(
    PATH,
    operation_id="getProfile",
    summary="Look at a voice profile",
    tags=["profile"],
    response_description="The profile as it is now.",
    responses=problems(*OWNED, errors.NotFound, errors.VoiceKeyUnusable),
)
async def get_profile(parts: Parts, owner: Of) -> ProfileOut:
    """Return the profile with its consent, its samples and how it grew."""
    return await parts.threads.short(view_profile, parts.database, parts.vault, owner)


@post(
    SAMPLE_PATH,
    operation_id="sendSample",
    summary="Send a recording for a voice profile",
    tags=["profile"],
    status_code=200,
    response_description="The sample, judged.",
    responses={202: ResponseSpec(SampleOut, description="It waits to be judged.", generate_examples=False)}
    | problems(
        *OWNED,
        *UPLOAD_REFUSALS,
        errors.NotFound,
        errors.IdempotencyConflict,
        errors.VoiceProfileExists,
        errors.ChallengeExpired,
        errors.ConsentMissing,
        errors.ConsentMismatch,
        errors.SpeakerMismatch,
        errors.SampleRefused,
        errors.VoiceKeyUnusable,
        errors.Overloaded,
    ),
)
async def send_sample(
    request: Request[Caller, None, object], parts: Parts, owner: Of, idempotency_key: IdempotencyKey = None
) -> Response[SampleOut]:
    """Send the reading of the statement (`kind=consent`), or a sample; waits a while for what becomes of it."""
    with parts.room.held() as held:
        upload = await read_upload(request, SHAPE, held, parts.threads)
        kind = SampleKind(upload.wishes.kind)
        sample_id = await parts.threads.short(parts.samples.look, owner, kind, upload.sha256, idempotency_key)
        if sample_id is None:
            sample_id = await _taken_in(parts, owner, kind, upload, idempotency_key)
        del upload
    sample = await _judged(parts, owner, sample_id)
    if sample.state is SampleState.REFUSED:
        raise _refusal(sample)
    waits = sample.state is SampleState.WAITING
    headers = {"Location": PATH} | ({"Retry-After": str(POLL_AFTER_S)} if waits else {})
    return Response(sample, status_code=202 if waits else 200, headers=headers)


@delete(
    PATH,
    operation_id="eraseProfile",
    summary="Erase a voice profile",
    tags=["profile"],
    status_code=200,
    response_description="The receipt of the erasure.",
    responses=problems(*OWNED, errors.NotFound),
)
async def erase(parts: Parts, owner: Of) -> ErasureReceipt:
    """Withdraw consent: destroy the profile's key and erase all that was made from the voice."""
    # In the long lane: it may wait for workers' transactions, and deletes objects one by one.
    receipt = await parts.threads.decode(erase_profile, parts.database, parts.objects, owner, "asked")
    if receipt is None:
        raise NotFound("There is no voice profile.")
    if parts.cache is not None and parts.cache.beside:
        try:
            await parts.threads.short(forget_purged, parts.database, parts.cache)
        except errors.StorageUnavailable:
            # Housekeeping asks again.
            return msgspec.structs.replace(receipt, complete=False)
    return receipt


async def _taken_in(
    parts: ApiParts, owner: Owner, kind: SampleKind, upload: Upload, idempotency_key: str | None
) -> str:  # fmt: skip
    await parts.threads.short(parts.objects.require_writable)
    decoded = await parts.threads.decode(parts.decoder.decode, upload.audio)
    if decoded.measures.is_silent:
        raise NoSpeech("The recording is silent.")
    recording = Recording(decoded.pcm, decoded.duration_s, upload.sha256)
    add = partial(parts.samples.add, idempotency_key=idempotency_key)
    return await parts.threads.short(add, owner, kind, recording)


async def _judged(parts: ApiParts, owner: Owner, sample_id: str) -> SampleOut:
    """Return the sample as soon as it is judged, or as it is when the site waits no longer."""
    until_s, pause_s = parts.clock.monotonic_s() + parts.settings.sla_s, FIRST_PAUSE_S
    while True:
        sample = await parts.threads.short(view_sample, parts.database, owner, sample_id)
        if sample.state is not SampleState.WAITING or parts.clock.monotonic_s() >= until_s:
            return sample
        await sleep(pause_s)
        pause_s = min(LONGEST_PAUSE_S, pause_s * PAUSE_GROWTH)


def _refusal(sample: SampleOut) -> MeeshyError:
    """Return a refused sample's first reason as an error, with all of them as members of the problem."""
    reasons = [{"code": fault.code, "detail": fault.detail} for fault in sample.reasons]
    first = sample.reasons[0]
    known = (errors.SpeakerMismatch, errors.ConsentMismatch, errors.ConsentMissing, errors.VoiceProfileExists)
    kind = next((error for error in known if error.code == first.code), errors.SampleRefused)
    detail = " ".join(fault.detail for fault in sample.reasons)
    return kind(detail, sample_id=sample.sample_id, reasons=reasons)
