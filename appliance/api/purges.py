"""What an HTTP cache in front of the API has to let go of: audio of jobs that were deleted."""

from typing import Annotated

import msgspec
from litestar import Request, get
from litestar.params import QueryParameter
from msgspec import Meta

from appliance import errors
from appliance.access.caller import Caller
from appliance.api.parts import ApiParts, Parts
from appliance.api.problems import KEYED, problems
from appliance.cache.purges import Purge, purges_after

After = Annotated[
    int, QueryParameter(name="after", required=False, ge=0, le=2**62, description="`last` of the answer before.")
]


class PurgesOut(msgspec.Struct, frozen=True, kw_only=True):
    """Erasures after one, oldest first."""

    purges: list[Purge]
    last: Annotated[int, Meta(description="What to give as `after` the next time.")]


@get(
    "/api/v1/admin/purges",
    operation_id="getPurges",
    summary="What an HTTP cache in front has to drop",
    tags=["service"],
    response_description="At most 1000 erasures; with fewer, there are no more at the moment.",
    responses=problems(*KEYED, errors.Forbidden),
)
async def get_purges(request: Request[Caller, None, object], parts: Parts, after: After = 0) -> PurgesOut:
    """Return the ETags of audio that was erased; needs a key with the role `viewer`."""
    request.user.require("viewer")
    found = await parts.threads.short(_purges, parts, after)
    return PurgesOut(purges=found, last=found[-1].id if found else after)


def _purges(parts: ApiParts, after: int) -> list[Purge]:
    with parts.database.read() as connection:
        return list(purges_after(connection, after))
