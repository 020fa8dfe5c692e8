"""The stream that a console follows: whole snapshots, so that there is nothing to put together."""

from collections.abc import AsyncIterator

from litestar import Request, get
from litestar.response import ServerSentEvent, ServerSentEventMessage, Stream

from appliance import errors
from appliance.access.caller import Caller
from appliance.access.identify import identify
from appliance.admin.live_types import COMMENT_S, INTERVAL_S, RETRY_MS
from appliance.api.admin_reads import WATCHED
from appliance.api.operators import count
from appliance.api.parts import ApiParts, Parts
from appliance.api.problems import problems
from appliance.api.threads import sleep
from appliance.errors import MeeshyError, StorageUnavailable

FOLLOW_LIMIT_S = 3600.0
"""A stream ends after this long; consoles connect again by themselves."""
AWAY_ROUNDS = 3
"""A stream ends after so many rounds without a database: who then asks for a snapshot is told why there is none."""


@get(
    "/api/v1/admin/events",
    operation_id="followConsole",
    summary="Follow everything",
    tags=["operators"],
    media_type="text/event-stream",
    response_description=(
        "Server-sent events: `snapshot` every 2 s, the whole of it, with its sequence as id; a comment every 15 s."
    ),
    responses=problems(*WATCHED, errors.Overloaded),
)
async def follow_console(request: Request[Caller, None, object], parts: Parts) -> Stream:
    """Stream snapshots until the key is revoked, an hour has passed, the database is away, or nobody listens.

    It needs the role `viewer`.
    """
    request.user.require("viewer")
    await parts.threads.operate(count, parts, request.user)
    await parts.latest.snapshot()
    key_id = request.user.key_id or ""
    parts.followers.make_room(key_id)
    return ServerSentEvent(_events(parts, key_id, request.headers.get("authorization")))


async def _events(parts: ApiParts, key_id: str, authorization: str | None) -> AsyncIterator[ServerSentEventMessage]:
    try:
        parts.followers.make_room(key_id)
    except MeeshyError:
        return  # Those that were let in at the same moment have taken the room.
    with parts.followers.one_more(key_id):
        began_s = commented_s = parts.clock.monotonic_s()
        shown = away = 0
        while away < AWAY_ROUNDS and parts.clock.monotonic_s() - began_s < FOLLOW_LIMIT_S:
            sequence, encoded = await _snapshot(parts)
            away = 0 if encoded else away + 1
            if sequence != shown and encoded:
                shown = sequence
                yield ServerSentEventMessage(data=encoded, event="snapshot", id=str(sequence), retry=RETRY_MS)
            if parts.clock.monotonic_s() - commented_s >= COMMENT_S:
                commented_s = parts.clock.monotonic_s()
                yield ServerSentEventMessage(data=None, comment="still here" if encoded else "no database")
                if not await _still_allowed(parts, authorization):
                    return
            if away < AWAY_ROUNDS:
                await sleep(INTERVAL_S)


async def _snapshot(parts: ApiParts) -> tuple[int, bytes]:
    """Return the latest snapshot, nothing while the database is away: it may be back with the next round."""
    try:
        return await parts.latest.snapshot()
    except StorageUnavailable:
        return 0, b""


async def _still_allowed(parts: ApiParts, authorization: str | None) -> bool:
    try:
        caller = await parts.threads.operate(identify, parts.database, parts.clock, authorization)
        caller.require("viewer")
    except StorageUnavailable:
        return True
    except MeeshyError:
        return False
    return True
