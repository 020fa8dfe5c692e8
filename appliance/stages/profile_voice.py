"""Whose voice a stored profile gives a message: its speaker's, where the recording is that speaker's too.

Nothing here outlives its use in this process but what `references` keeps under the profile's id and version: a profile
that was erased is asked for by nobody again.
"""

from dataclasses import dataclass

from appliance.engines.protocols import Voice
from appliance.errors import NotFound
from appliance.stages.conditioning import Asked, first_voice, keep_voice, kept_voice
from appliance.stages.context import Context
from appliance.stages.growing import version_embedding
from appliance.stages.speaker import speaker_of
from appliance.stages.work import Work
from appliance.voices.gate import same_speaker
from appliance.voices.profile_documents import ProfileUse
from appliance.voices.profile_rows import owner_of, profile_by_id

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
    """Return the voice of the job's profile, or why the profile may not speak; NotFound once it is erased."""
    with context.database.read() as connection:
        profile = profile_by_id(connection, use.id)
        if profile is None or owner_of(profile) != work.job.owner:
            raise NotFound("The voice profile was erased.")
        if profile.consent_expires_s <= context.database.now_s(connection):
            return Found(None, notice=CONSENT_ENDED)
        key = context.vault.key(work.job.owner, profile.id, profile.key_object)
        embedding = version_embedding(connection, profile, key, use.version)
    if embedding is None:
        raise NotFound("There is no such version of the voice profile.")
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
