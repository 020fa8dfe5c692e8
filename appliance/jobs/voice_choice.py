"""Whose voice a request gets: decided in the transaction that accepts it, and recorded with the job."""

import msgspec
import sqlalchemy as sa

from appliance.errors import VoiceProfileUnusable
from appliance.jobs.documents import Request
from appliance.owner import Owner
from appliance.voices.profile_rows import profile_of, use_of

WHY_UNUSED = {
    None: "This user has no voice profile.",
    "awaiting_consent": "The consent of the voice profile has not been given yet.",
    "consent_expired": "The consent of the voice profile has expired.",
    "language": "The consent of the voice profile does not cover this language.",
    "too_little_speech": "The voice profile has too little speech yet.",
}
"""By the reason that `use_of` gives; sentences for users."""


def profile_for(connection: sa.Connection, owner: Owner, request: Request, *, held: bool = False) -> sa.Row | None:
    """Return the profile that a request may be spoken with, None where there is none or a stock voice is asked for.

    `held` keeps it from being erased until this transaction ends. That comes before any other lock of it: an erasure
    holds the profile, and then every job that was accepted with it.
    """
    if request.voice == "stock":
        return None
    return profile_of(connection, owner, lock="use" if held else "")


def with_profile(request: Request, profile: sa.Row | None, now_s: float) -> Request:
    """Return the request with what `profile_for` found, in the version of this moment.

    VoiceProfileUnusable where it asks for the profile and for a language that the profile does not speak.
    """
    if request.voice == "stock":
        return request
    use, unused = use_of(profile, request.targets, now_s)
    if request.voice == "profile" and (use is None or unused is not None):
        raise VoiceProfileUnusable(WHY_UNUSED[unused])
    return msgspec.structs.replace(request, profile=use, profile_unused=unused)
