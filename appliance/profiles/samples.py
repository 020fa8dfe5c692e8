"""Taking in recordings for a profile: stored sealed, judged by a worker before anything is learnt from them."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa

from appliance.errors import (
    AudioTooLong,
    ChallengeExpired,
    ConsentMissing,
    IdempotencyConflict,
    MeeshyError,
    NotFound,
    RateLimited,
    StorageUnavailable,
    VoiceProfileExists,
)
from appliance.jobs.deadlines import deadline_s, sla_scale
from appliance.jobs.items import ENROL_KEY, NewItem, add_items, new_id
from appliance.jobs.states import Stage
from appliance.owner import Owner
from appliance.profiles.folder import folder_of
from appliance.settings import Settings
from appliance.storage.audit import record
from appliance.storage.database import Database
from appliance.storage.objects import ObjectStore
from appliance.storage.tables import applications
from appliance.storage.voice_tables import voice_samples
from appliance.voices.profile_documents import ProfileState, SampleKind, SampleState
from appliance.voices.profile_rows import profile_of
from appliance.voices.sealing import Vault

LONGEST_SAMPLE_S = 180.0
"""As much speech as the highest level needs; longer recordings say no more, and take a worker longer."""
MOST_WAITING = 10
"""Samples of one profile that wait to be judged."""
MOST_READINGS = 5
"""Recordings that may try one phrase."""
PRIORITY = 2
SLA_S = 30.0
"""A sample's deadline is that of the least important messages: judging voices makes no translation wait long."""
WAITING_RETRY_S = 10.0


@dataclass(frozen=True)
class Recording:
    """A decoded upload: 16 kHz mono s16le samples, and the SHA-256 of what was sent."""

    pcm: bytes
    duration_s: float
    upload_sha256: str


class Samples:
    """Takes in samples."""

    def __init__(
        self, database: Database, objects: ObjectStore, vault: Vault, settings: Settings, ring: Callable[[], None]
    ) -> None:
        """Store in these; `ring` wakes the workers after the commit."""
        self._database = database
        self._objects = objects
        self._vault = vault
        self._settings = settings
        self._ring = ring

    def look(self, owner: Owner, kind: SampleKind, upload_sha256: str, idempotency_key: str | None) -> str | None:
        """Return the sample that an upload has been already, None for a fresh one that would be taken.

        Raises why it would be refused, before it is decoded.
        """
        with self._database.read() as connection:
            profile = profile_of(connection, owner)
            if known := self._known(connection, profile, kind, upload_sha256, idempotency_key):
                return known
            self._require(connection, profile, kind, self._database.now_s(connection))
        return None

    def add(
        self,
        owner: Owner,
        kind: SampleKind,
        recording: Recording,
        *,
        idempotency_key: str | None = None,
        origin: str = "upload",
    ) -> str:
        """Return the id of the sample that this recording is, stored and waiting, or the one that it has been already.

        The recording is stored before the row that names it. Raises NotFound without a profile, ConsentMissing,
        ChallengeExpired, VoiceProfileExists, AudioTooLong, RateLimited, IdempotencyConflict.
        """
        if recording.duration_s > LONGEST_SAMPLE_S:
            raise AudioTooLong(f"A sample may be {LONGEST_SAMPLE_S:.0f} s long, this is {recording.duration_s:.0f} s.")
        with self._database.read() as connection:
            profile = profile_of(connection, owner)
            if known := self._known(connection, profile, kind, recording.upload_sha256, idempotency_key):
                return known
            profile = self._require(connection, profile, kind, self._database.now_s(connection))
        sample_id = new_id("sample")
        name = f"{folder_of(owner, profile.id)}{sample_id}-{secrets.token_hex(4)}"
        key = self._vault.key(owner, profile.id, profile.key_object)
        self._objects.put(name, key.seal("sample", sample_id, recording.pcm))
        try:
            found = self._insert(owner, profile.id, sample_id, name, kind, recording, idempotency_key, origin)
        except StorageUnavailable:
            # A commit without an answer may have been done. Where it was not, housekeeping deletes it.
            raise
        except MeeshyError:
            self._objects.delete(name)
            raise
        if found == sample_id:
            self._ring()
        else:
            self._objects.delete(name)
        return found

    def _insert(
        self,
        owner: Owner,
        profile_id: str,
        sample_id: str,
        name: str,
        kind: SampleKind,
        recording: Recording,
        idempotency_key: str | None,
        origin: str,
    ) -> str:
        with self._database.write() as connection:
            now_s = self._database.now_s(connection)
            profile = profile_of(connection, owner, lock="change")
            if profile is None or profile.id != profile_id:
                raise NotFound("The voice profile was erased.")
            if known := self._known(connection, profile, kind, recording.upload_sha256, idempotency_key):
                return known
            self._require(connection, profile, kind, now_s)
            connection.execute(
                sa.insert(voice_samples).values(
                    id=sample_id, profile_id=profile_id, kind=kind, origin=origin, state=SampleState.WAITING,
                    object=name, upload_sha256=recording.upload_sha256, idempotency_key=idempotency_key,
                    challenge_id=profile.challenge_id if kind is SampleKind.CONSENT else None,
                    duration_s=recording.duration_s, faults=[], created_s=now_s,
                )
            )  # fmt: skip
            scale = sla_scale(connection, self._settings)
            item = NewItem(
                job_id=None, target_id=None, sample_id=sample_id, stage=Stage.ENROL, batch_key=ENROL_KEY,
                deadline_s=deadline_s(now_s, SLA_S, recording.duration_s, scale), priority=PRIORITY,
                plan=_plan_of(connection, owner),
            )  # fmt: skip
            add_items(connection, [item], now_s)
            record(connection, owner, f"voice_{kind}_received", sample_id, now_s, origin=origin)
        return sample_id

    def _known(
        self,
        connection: sa.Connection,
        profile: sa.Row | None,
        kind: SampleKind,
        upload_sha256: str,
        idempotency_key: str | None,
    ) -> str | None:
        """Return the sample that a repeated key or a repeated recording is; what was refused may come again."""
        if profile is None:
            return None
        of_profile = sa.select(voice_samples).where(voice_samples.c.profile_id == profile.id)
        if idempotency_key is not None:
            row = connection.execute(of_profile.where(voice_samples.c.idempotency_key == idempotency_key)).first()
            if row is not None:
                if (row.upload_sha256, row.kind) != (upload_sha256, kind):
                    raise IdempotencyConflict
                return row.id
        same = of_profile.where(
            voice_samples.c.upload_sha256 == upload_sha256,
            voice_samples.c.kind == kind,
            voice_samples.c.state != SampleState.REFUSED,
        )
        row = connection.execute(same.limit(1)).first()
        return None if row is None else row.id

    def _require(
        self, connection: sa.Connection, profile: sa.Row | None, kind: SampleKind, now_s: float
    ) -> sa.Row:  # fmt: skip
        if profile is None:
            raise NotFound("There is no voice profile; open the consent ceremony first.")
        if kind is SampleKind.CONSENT:
            self._require_challenge(connection, profile, now_s)
        elif profile.state != ProfileState.ACTIVE:
            raise ConsentMissing("The consent to this voice profile has not been given yet.")
        elif profile.consent_expires_s <= now_s:
            raise ConsentMissing("The consent to this voice profile has expired.")
        waiting = _count(
            connection, voice_samples.c.profile_id == profile.id, voice_samples.c.state == SampleState.WAITING
        )
        if waiting >= MOST_WAITING:
            raise RateLimited(f"{waiting} samples of this profile wait already.", retry_after_s=WAITING_RETRY_S)
        return profile

    def _require_challenge(self, connection: sa.Connection, profile: sa.Row, now_s: float) -> None:
        if profile.state != ProfileState.AWAITING_CONSENT:
            raise VoiceProfileExists
        if profile.challenge_expires_s <= now_s:
            raise ChallengeExpired
        if _count(connection, voice_samples.c.challenge_id == profile.challenge_id) >= MOST_READINGS:
            raise ChallengeExpired("The phrase was tried too often; ask for another.")


def _count(connection: sa.Connection, *which: sa.ColumnElement[bool]) -> int:
    return connection.scalar(sa.select(sa.func.count()).select_from(voice_samples).where(*which)) or 0


def _plan_of(connection: sa.Connection, owner: Owner) -> str | None:
    return connection.scalar(sa.select(applications.c.plan).where(applications.c.id == owner.application_id))
