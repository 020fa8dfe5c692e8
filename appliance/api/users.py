"""One user as a whole."""

from litestar import delete

from appliance.access.user_erasure import UserErasure, erase_user
from appliance.api.parts import Of, Parts
from appliance.api.problems import OWNED, problems


@delete(
    "/api/v1/user",
    operation_id="eraseUser",
    summary="Erase everything of a user",
    tags=["profile"],
    status_code=200,
    response_description="The receipt of the erasure; where it is not complete, repeat the request.",
    responses=problems(*OWNED),
)
async def erase_everything(parts: Parts, owner: Of) -> UserErasure:
    """Erase the user's voice profile, jobs, audio, kept answers, phrase counts and events; running jobs end first."""
    # In the long lane: job by job, with their objects.
    return await parts.threads.decode(
        erase_user, parts.database, parts.objects, parts.settings, parts.cache, owner
    )  # fmt: skip
