"""Where a profile's objects lie: its key and its samples, all of them sealed."""

from appliance.cache.keys import digest, owner_digest
from appliance.owner import Owner


def folder_of(owner: Owner, profile_id: str) -> str:
    """Return what the names of a profile's objects start with."""
    return f"voice/{owner_digest(owner)}/{profile_id}/"


def profile_digest(profile_id: str) -> str:
    """Return what an erased profile is remembered by."""
    return digest("voice profile", profile_id)
