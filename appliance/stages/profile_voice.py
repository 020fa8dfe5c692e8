"""The voice of a stored profile: conditioned once per version, engine and language, then kept sealed with the profile.

Nothing here outlives its use in this process but what `references` keeps under the profile's id and version: a profile
that was erased is asked for by nobody again.
"""

import hashlib
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from appliance.audio.pcm import samples_of
from appliance.cache.keys import digest
from appliance.engines.protocols import Samples, Voice
from appliance.errors import NotFound
from appliance.stages.context import Context
from appliance.stages.growing import version_embedding
from appliance.stages.speaker import speaker_of
from appliance.stages.work import Work
from appliance.storage.tables import voice_conditionings, voice_samples, voice_versions
from appliance.voices.gate import same_speaker
from appliance.voices.growth import refine_steps
from appliance.voices.profile_documents import ProfileUse
from appliance.voices.profile_rows import owner_of, profile_by_id
from appliance.voices.sealing import ProfileKey
from appliance.voices.serialise import from_bytes, to_bytes

ANOTHER_SPEAKER = "The voice profile was not used: the recording is of another speaker."
UNKNOWN_SPEAKER = "The voice profile was not used: the recording is too short to tell who speaks."


@dataclass(frozen=True)
class Found:
    """A profile's voice, or why it may not speak."""

    voice: Voice | None
    known: bool = False
    """Whether it was conditioned before."""
    notice: str | None = None


def profile_voice(context: Context, work: Work, use: ProfileUse) -> Found:
    """Return the voice of the job's profile, or why the profile may not speak; NotFound once it is erased."""
    with context.database.read() as connection:
        profile = profile_by_id(connection, use.id)
        if profile is None or owner_of(profile) != work.job.owner:
            raise NotFound("The voice profile was erased.")
        key = context.vault.key(work.job.owner, profile.id, profile.key_object)
        embedding = version_embedding(connection, profile, key, use.version)
        box = _kept(connection, _conditioning_id(context, use, work.of.language))
    if embedding is None:
        raise NotFound("There is no such version of the voice profile.")
    speaker = speaker_of(context, work).embedding
    if speaker is None:
        return Found(None, notice=UNKNOWN_SPEAKER)
    if not same_speaker(embedding, speaker):
        return Found(None, notice=ANOTHER_SPEAKER)
    conditioning_id = _conditioning_id(context, use, work.of.language)
    if box is not None:
        return Found(from_bytes(key.open("conditioning", conditioning_id, box)), known=True)
    voice, known = context.references.recall(
        work.job.owner,
        f"{use.id}:{use.version}",
        f"profile:{conditioning_id}",
        lambda: _conditioned(context, key, use, work.of.language, embedding),
    )
    _keep(context, use, work.of.language, key.seal("conditioning", conditioning_id, to_bytes(voice)))
    return Found(voice, known)


def _conditioned(context: Context, key: ProfileKey, use: ProfileUse, language: str, embedding: Samples) -> Voice:
    """Return the voice made of all recordings that the version refers to, refined as far as its level allows."""
    with context.database.read() as connection:
        version = connection.execute(
            sa.select(voice_versions).where(
                voice_versions.c.profile_id == use.id, voice_versions.c.number == use.version
            )
        ).one()
        rows = connection.execute(
            sa.select(voice_samples.c.id, voice_samples.c.object).where(
                voice_samples.c.profile_id == use.id, voice_samples.c.id.in_(version.reference_ids)
            )
        ).all()
    boxes = {row.id: row.object for row in rows if row.object}
    recordings = [
        samples_of(key.open("sample", sample_id, context.objects.get(boxes[sample_id])))
        for sample_id in version.reference_ids
        if sample_id in boxes
    ]
    voice = context.engines.synthesizer.match_voice(recordings, language, embedding)
    steps = refine_steps(version.level) if version.level else 0
    if context.engines.refine_voice is None or steps == 0:
        return voice
    return context.engines.refine_voice(recordings[0], language, voice, steps=steps)


def _conditioning_id(context: Context, use: ProfileUse, language: str) -> str:
    return digest("conditioning", use.id, use.version, context.engines.synthesizer.identity().key, language)


def _kept(connection: sa.Connection, conditioning_id: str) -> bytes | None:
    return connection.scalar(sa.select(voice_conditionings.c.voice).where(voice_conditionings.c.id == conditioning_id))


def _keep(context: Context, use: ProfileUse, language: str, box: bytes) -> None:
    """Keep a voice unless another worker did, or the profile was erased meanwhile."""
    synthesizer = context.engines.synthesizer.identity().key
    with context.database.write() as connection:
        if profile_by_id(connection, use.id, lock="use") is None:
            raise NotFound("The voice profile was erased.")
        insert = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(voice_conditionings)
        connection.execute(
            insert.values(
                id=_conditioning_id(context, use, language), profile_id=use.id, version=use.version,
                synthesizer=_named(synthesizer), language=language, voice=box,
                created_s=context.database.now_s(connection),
            ).on_conflict_do_nothing()
        )  # fmt: skip


def _named(identity: str) -> str:
    return identity if len(identity) <= 200 else hashlib.sha256(identity.encode()).hexdigest()
