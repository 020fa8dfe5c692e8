"""Whose voice a stored profile gives a message: its speaker's, where the recording is that speaker's too.

Nothing here outlives its use in this process but what `references` keeps under the profile's id and version, and what
opens the profile, for some seconds: a profile that was erased is asked for by nobody again.
"""

from dataclasses import dataclass

import sqlalchemy as sa

from appliance.engines.protocols import Samples, Voice
from appliance.errors import NotFound
from appliance.stages.conditioning import Asked, first_voice, keep_voice, kept_voice
from appliance.stages.context import Context
from appliance.stages.speaker import speaker_of
from appliance.stages.versions import version_embedding
from appliance.stages.work import Work
from appliance.voices.profile_documents import ProfileUse
from appliance.voices.profile_rows import owner_of, profile_by_id
from appliance.voices.same_speaker import same_speaker
from appliance.voices.sealing import ProfileKey

ANOTHER_SPEAKER = "The voice profile was not used: the recording is of another speaker."
CONSENT_ENDED = "The voice profile was not used: its consent has ended."
UNKNOWN_SPEAKER = "The voice profile was not used: the recording is too short to tell who speaks."


@dataclass(frozen=True)
class Found:
    """A profile's voice, or why it may not speak."""

    voice: Voice | None
    known: bool = False
    """Whether it was made before."""
    notice: str | None = None


def profile_voice(context: Context, work: Work, use: ProfileUse) -> Found:
    """Return the voice of the job's profile, or why the profile may not speak; NotFound once it is erased.

    Whether it is there, and its consent in force, is asked each time; what opens it is read once for some seconds.
    """
    with context.database.read() as connection:
        profile = profile_by_id(connection, use.id)
        if profile is None or owner_of(profile) != work.job.owner:
            raise NotFound("The voice profile was erased.")
        if profile.consent_expires_s <= context.database.now_s(connection):
            return Found(None, notice=CONSENT_ENDED)
        (key, embedding), _ = context.opened.recall(
            work.job.owner, profile.key_object, f"version {use.version}",
            lambda: _opened(context, connection, profile, use.version),
        )  # fmt: skip
    speaker = speaker_of(context, work).embedding
    if speaker is None:
        return Found(None, notice=UNKNOWN_SPEAKER)
    if not same_speaker(embedding, speaker):
        return Found(None, notice=ANOTHER_SPEAKER)
    asked = Asked(use, work.of.language, key, embedding)
    voice = kept_voice(context, asked)
    if voice is not None:
        return Found(voice, known=True)
    voice, known = context.references.recall(
        work.job.owner, f"{use.id}:{use.version}", f"profile:{asked.id(context)}", lambda: first_voice(context, asked)
    )
    keep_voice(context, asked, voice)
    return Found(voice, known)


def _opened(context: Context, connection: sa.Connection, profile: sa.Row, version: int) -> tuple[ProfileKey, Samples]:
    key = context.vault.key(owner_of(profile), profile.id, profile.key_object)
    embedding = version_embedding(connection, profile, key, version)
    if embedding is None:
        raise NotFound("There is no such version of the voice profile.")
    return key, embedding
