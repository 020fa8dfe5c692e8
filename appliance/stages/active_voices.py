"""The stored voices that are in use: of profiles whose version in force has a voice at this worker's engine."""

from collections.abc import Iterator

import sqlalchemy as sa

from appliance.errors import MeeshyError
from appliance.stages.context import Context
from appliance.stages.speak_ahead import ActiveVoice
from appliance.storage.voice_tables import voice_conditionings, voice_profiles
from appliance.voices.profile_documents import ProfileState
from appliance.voices.profile_rows import owner_of
from appliance.voices.serialise import from_bytes

MOST_VOICES = 100
"""Looked at, the latest made first: each is a key of its own to be unwrapped."""


def active_voices(context: Context) -> Iterator[ActiveVoice]:
    """Yield each voice that messages are spoken with, as it is at this moment; one that does not open is left out."""
    made, profiles = voice_conditionings.c, voice_profiles.c
    with context.database.read() as connection:
        now_s = context.database.now_s(connection)
        rows = connection.execute(
            sa.select(voice_profiles, made.id.label("voice_id"), made.language, made.voice)
            .join(voice_profiles, sa.and_(profiles.id == made.profile_id, profiles.version == made.version))
            .where(
                made.synthesizer == context.engines.synthesizer.identity().key[:200],
                profiles.state == ProfileState.ACTIVE,
                profiles.consent_expires_s > now_s,
            )
            .order_by(made.created_s.desc())
            .limit(MOST_VOICES)
        ).all()
    for row in rows:
        try:
            key = context.vault.key(owner_of(row), row.id, row.key_object)
            voice = from_bytes(key.open("conditioning", row.voice_id, row.voice))
        except MeeshyError:
            continue
        yield ActiveVoice(owner_of(row), row.id, voice.version, row.language, lambda voice=voice: voice)
