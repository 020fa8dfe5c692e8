"""Judging samples of voice profiles: listened to in one batch, then each judged and written by itself."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import sqlalchemy as sa

from appliance.audio.pcm import samples_of
from appliance.engines.protocols import Samples, TranscribeRequest, Transcription
from appliance.errors import ConsentMismatch, MeeshyError, NotFound, StorageUnavailable
from appliance.jobs.claims import end_items
from appliance.jobs.items import ClaimedItem
from appliance.jobs.states import ItemState
from appliance.owner import Owner
from appliance.profiles.view import challenge_of
from appliance.stages.conditioning import renew
from appliance.stages.consent import Heard, compare
from appliance.stages.context import Context
from appliance.stages.growing import Finding, grow
from appliance.storage.audit import record
from appliance.storage.voice_tables import voice_samples
from appliance.voices.judging import judge
from appliance.voices.profile_documents import Challenge, SampleFault, SampleKind
from appliance.voices.profile_rows import owner_of, profile_by_id, refuse_samples
from appliance.voices.sealing import ProfileKey

log = logging.getLogger(__name__)

ANOTHER_PHRASE = "Another phrase was asked for after this recording was made."


@dataclass(frozen=True)
class _Task:
    """One sample with its sound and the profile's key."""

    item: ClaimedItem
    sample: sa.Row
    owner: Owner
    key: ProfileKey
    sound: Samples
    challenge: Challenge | None
    """Of a recording of consent; None for a sample."""

    @property
    def request(self) -> TranscribeRequest:
        language = None if self.challenge is None else self.challenge.language
        return TranscribeRequest(self.sound, language, word_timestamps=False)


def enrol(context: Context, items: Sequence[ClaimedItem]) -> None:
    """Run a batch of samples; what comes of each is written under its item's own fence."""
    tasks = [task for item in items if (task := _loaded(context, item)) is not None]
    if not tasks:
        return
    heard = context.engines.transcriber.transcribe([task.request for task in tasks])
    for task, result in zip(tasks, heard, strict=True):
        try:
            if isinstance(result, MeeshyError):
                raise result
            _judge(context, task, result)
        except StorageUnavailable:
            raise
        except MeeshyError as error:
            _refuse(context, task.item, SampleFault(error.code, error.detail))


def refuse_all(context: Context, items: Sequence[ClaimedItem], error: MeeshyError) -> None:
    """Refuse samples that were tried often enough."""
    for item in items:
        _refuse(context, item, SampleFault(error.code, error.detail))


def _loaded(context: Context, item: ClaimedItem) -> _Task | None:
    """Return an item's sample with its sound; None where it was refused, or erased with its profile."""
    with context.database.read() as connection:
        sample = connection.execute(sa.select(voice_samples).where(voice_samples.c.id == item.sample_id)).first()
        profile = None if sample is None else profile_by_id(connection, sample.profile_id)
    if sample is None or profile is None:
        return None
    owner = owner_of(profile)
    try:
        key = context.vault.key(owner, profile.id, profile.key_object)
        sound = samples_of(key.open("sample", sample.id, context.objects.get(sample.object)))
        challenge = None
        if sample.kind == SampleKind.CONSENT:
            if sample.challenge_id != profile.challenge_id:
                raise ConsentMismatch(ANOTHER_PHRASE)
            challenge = challenge_of(key, profile)
    except NotFound:
        return None
    except StorageUnavailable:
        raise
    except MeeshyError as error:
        _refuse(context, item, SampleFault(error.code, error.detail))
        return None
    return _Task(item, sample, owner, key, sound, challenge)


def _judge(context: Context, task: _Task, heard: Transcription) -> None:
    found: Heard | None = None
    if task.challenge is not None:
        found = compare(task.challenge, heard.text)
        if not found.fits:
            raise ConsentMismatch(found.detail)
    judged = judge(task.sound, [(part.start_s, part.end_s) for part in heard.segments], context.engines.encoder)
    finding = Finding(judged=judged, heard=heard.text if found else "", consent=found)
    with context.database.write() as connection:
        now_s = context.database.now_s(connection)
        profile = profile_by_id(connection, task.sample.profile_id, lock="change")
        if profile is not None and task.challenge is not None and profile.challenge_id != task.sample.challenge_id:
            # Asked once more under the lock: consent counts for the terms that were read aloud and for no others.
            raise ConsentMismatch(ANOTHER_PHRASE)
        # The profile was erased, or another worker has the item: nothing may be written.
        if profile is None or not end_items(connection, [task.item], ItemState.DONE):
            return
        plan = partial(renew, context)
        spent = grow(connection, profile, task.key, task.sample.id, finding, now_s, plan)
    for name in spent:
        context.objects.delete(name)


def _refuse(context: Context, item: ClaimedItem, fault: SampleFault) -> None:
    log.info("sample %s refused: %s", item.sample_id, fault.code)
    spent: list[str] = []
    with context.database.write() as connection:
        now_s = context.database.now_s(connection)
        sample = connection.execute(sa.select(voice_samples).where(voice_samples.c.id == item.sample_id)).first()
        profile = None if sample is None else profile_by_id(connection, sample.profile_id, lock="change")
        if sample is None or profile is None or not end_items(connection, [item], ItemState.FAILED):
            return
        spent = refuse_samples(connection, [sample.id], fault, now_s)
        if spent:
            # Not where refining a voice failed, which belongs to a sample that was accepted.
            record(connection, owner_of(profile), "voice_sample_refused", sample.id, now_s, codes=[fault.code])
    for name in spent:
        context.objects.delete(name)
