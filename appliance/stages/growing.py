"""What a judged sample makes of its profile, in one transaction that holds it: refused, or a further version."""

from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import sqlalchemy as sa

from appliance.engines.protocols import Samples
from appliance.errors import ConsentMissing, SpeakerMismatch, VoiceProfileExists
from appliance.profiles.view import consent_of
from appliance.stages.consent import Heard
from appliance.stages.versions import embedding_in_force, kept_samples, next_version, vector_bytes
from appliance.storage.audit import record
from appliance.storage.voice_tables import voice_conditionings, voice_profiles, voice_samples, voice_versions
from appliance.voices.growth import Sample
from appliance.voices.judging import Judged
from appliance.voices.profile_documents import (
    Measures,
    ProfileState,
    ProfileUse,
    SampleFault,
    SampleKind,
    SampleState,
    VersionState,
)
from appliance.voices.profile_rows import owner_of
from appliance.voices.same_speaker import same_speaker
from appliance.voices.sealing import ProfileKey

MOST_KEPT = 60
MOST_KEPT_S = 1200.0
"""Accepted samples kept per profile, and their seconds: seven times what the highest level needs.

Of more, the oldest go that the version in force does not refer to.
"""
NOT_THE_SPEAKER = "The voice is not that of the person who gave consent."
SET_ASIDE = SampleFault("set_aside", "The profile sounded less like its speaker with this sample, so it goes without.")


Plan = Callable[[sa.Connection, ProfileUse, str, str, float], None]
"""Plans the voice of a version in a language at a level, from a time on."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker found in a sample; `consent` is how close it is to the statement, None for a plain sample."""

    judged: Judged
    heard: str
    consent: Heard | None


def grow(
    connection: sa.Connection,
    profile: sa.Row,
    key: ProfileKey,
    sample_id: str,
    finding: Finding,
    now_s: float,
    plan: Plan,
) -> list[str]:
    """Write what a sample makes of its profile and return the objects that are no longer needed.

    The caller holds the profile and has ended the sample's work item; `plan` adds the work on voices that follows.
    """
    row = connection.execute(sa.select(voice_samples).where(voice_samples.c.id == sample_id)).one()
    kept = kept_samples(connection, profile, key)
    before = embedding_in_force(connection, profile, key)
    similarity = None
    if before is not None and finding.judged.embedding is not None:
        similarity = float(np.dot(before, finding.judged.embedding))
    columns = {"measures": _measures(finding.judged, similarity), "judged_s": now_s}
    faults = _faults(profile, row, finding.judged, before, now_s)
    owner = owner_of(profile)
    if faults:
        _write(connection, row.id, **columns, state=SampleState.REFUSED, faults=faults, object="")
        codes = [fault.code for fault in faults]
        record(connection, owner, f"voice_{row.kind}_refused", row.id, now_s, codes=codes)
        return [row.object]
    sealed = key.seal("embedding", row.id, vector_bytes(finding.judged.embedding))
    _write(connection, row.id, **columns, state=SampleState.ACCEPTED, embedding=sealed)
    record(connection, owner, f"voice_{row.kind}_accepted", row.id, now_s)
    if finding.consent is not None:
        _give_consent(connection, profile, key, row.id, finding, now_s)
    this = _sample(row.id, finding.judged)
    if not next_version(connection, profile, key, kept, this, before, now_s):
        _write(connection, row.id, state=SampleState.SET_ASIDE, faults=[SET_ASIDE], object="")
        return [row.object]
    _renew_voices(connection, profile, plan, now_s)
    return _let_go(connection, profile, row.id)


def _renew_voices(connection: sa.Connection, profile: sa.Row, plan: Plan, now_s: float) -> None:
    """Have the voices of the languages that the profile speaks made for its next version, before somebody waits."""
    current = connection.execute(
        sa.select(voice_profiles.c.version, voice_profiles.c.level).where(voice_profiles.c.id == profile.id)
    ).one()
    languages = connection.scalars(
        sa.select(voice_conditionings.c.language)
        .where(voice_conditionings.c.profile_id == profile.id, voice_conditionings.c.version == profile.version)
        .distinct()
    ).all()
    for language in languages if current.level else ():
        plan(
            connection, ProfileUse(id=profile.id, version=current.version, languages=()), language, current.level, now_s
        )


def _faults(profile: sa.Row, row: sa.Row, judged: Judged, before: Samples | None, now_s: float) -> list[SampleFault]:
    """Return why a sample is refused: another speaker comes first, whatever else is wrong with the recording."""
    faults = [SampleFault(fault.code, fault.detail) for fault in judged.faults]
    if row.kind == SampleKind.CONSENT:
        if profile.state != ProfileState.AWAITING_CONSENT:
            return [SampleFault(VoiceProfileExists.code, VoiceProfileExists.title())]
        return faults
    if profile.consent_expires_s <= now_s:
        return [SampleFault(ConsentMissing.code, "The consent to this voice profile has expired.")]
    if before is None or judged.embedding is None or same_speaker(before, judged.embedding):
        return faults
    return [SampleFault(SpeakerMismatch.code, NOT_THE_SPEAKER), *faults]


def _give_consent(
    connection: sa.Connection, profile: sa.Row, key: ProfileKey, sample_id: str, finding: Finding, now_s: float
) -> None:
    consent = consent_of(key, profile)
    given = msgspec.structs.replace(
        consent,
        heard=finding.heard,
        word_error_rate=finding.consent.word_error_rate if finding.consent else None,
        phrase_errors=finding.consent.phrase_errors if finding.consent else None,
        given_s=now_s,
        sample_id=sample_id,
    )
    _change(
        connection,
        profile,
        state=ProfileState.ACTIVE,
        consent=key.seal("consent", profile.id, msgspec.json.encode(given)),
        consent_expires_s=now_s + consent.valid_s,
        challenge=None,
        challenge_id=None,
        challenge_expires_s=None,
    )
    record(
        connection, owner_of(profile), "voice_consent_given", profile.id, now_s,
        expires_s=now_s + consent.valid_s, languages=list(consent.languages),
    )  # fmt: skip


def _let_go(connection: sa.Connection, profile: sa.Row, newest_id: str) -> list[str]:
    """Drop the voices of versions that nobody is given any more, and samples beyond what is kept.

    Never the newest: its sender waits to be told what became of it.
    """
    current = connection.execute(
        sa.select(voice_versions).where(
            voice_versions.c.profile_id == profile.id, voice_versions.c.state == VersionState.IN_FORCE
        )
    ).one()
    # Jobs that were accepted with the version before may still be spoken.
    old = voice_conditionings.c.version < current.number - 1
    connection.execute(sa.delete(voice_conditionings).where(voice_conditionings.c.profile_id == profile.id, old))
    accepted = sa.select(
        voice_samples.c.id, voice_samples.c.kind, voice_samples.c.object, voice_samples.c.duration_s
    ).where(voice_samples.c.profile_id == profile.id, voice_samples.c.state == SampleState.ACCEPTED)
    rows = connection.execute(accepted.order_by(voice_samples.c.created_s, voice_samples.c.id)).all()
    # The recording of the consent stays: it is part of the consent.
    kept = {*current.reference_ids, newest_id}
    spare = [row for row in rows if row.id not in kept and row.kind != SampleKind.CONSENT]
    left, left_s = len(rows), sum(row.duration_s for row in rows)
    gone = []
    for row in spare:
        if left <= MOST_KEPT and left_s <= MOST_KEPT_S:
            break
        gone.append(row)
        left, left_s = left - 1, left_s - row.duration_s
    if gone:
        connection.execute(sa.delete(voice_samples).where(voice_samples.c.id.in_([row.id for row in gone])))
    return [row.object for row in gone]


def _change(connection: sa.Connection, profile: sa.Row, **columns: Any) -> None:
    connection.execute(sa.update(voice_profiles).where(voice_profiles.c.id == profile.id).values(**columns))


def _write(connection: sa.Connection, sample_id: str, **columns: Any) -> None:
    if "faults" in columns:
        columns["faults"] = msgspec.to_builtins(columns["faults"])
    connection.execute(sa.update(voice_samples).where(voice_samples.c.id == sample_id).values(**columns))


def _measures(judged: Judged, similarity: float | None) -> dict[str, Any]:
    return msgspec.to_builtins(
        Measures(
            speech_s=round(judged.speech_s, 3),
            snr_db=None if judged.snr_db is None else round(judged.snr_db, 2),
            clipping_ratio=round(judged.clipping_ratio, 6),
            bandwidth_hz=round(judged.bandwidth_hz, 1),
            similarity=None if similarity is None else round(similarity, 4),
        )
    )


def _sample(sample_id: str, judged: Judged) -> Sample:
    return Sample(
        id=sample_id,
        speech_s=judged.speech_s,
        snr_db=judged.snr_db,
        clipping_ratio=judged.clipping_ratio,
        bandwidth_hz=judged.bandwidth_hz,
        embedding=judged.embedding,
    )
