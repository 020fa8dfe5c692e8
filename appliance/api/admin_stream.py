"""The stream that a console follows: whole snapshots, so that there is nothing to put together."""

from collections.abc import AsyncIterator

from litestar import Request, get
from litestar.response import ServerSentEvent, ServerSentEventMessage, Stream

from appliance import errors
from appliance.access.caller import Caller
from appliance.access.identify import identify
from appliance.admin.live_types import COMMENT_S, INTERVAL_S, RETRY_MS
from appliance.api.admin_reads import WATCHED
from appliance.api.parts import ApiParts, Parts
from appliance.api.problems import problems
from appliance.api.threads import sleep
from appliance.errors import MeeshyError, Overloaded, StorageUnavailable

MOST_STREAMS = 50
"""Of one process; each costs a task and 10 kB/s."""
FOLLOW_LIMIT_S = 3600.0
"""A stream ends after this long; consoles connect again by themselves."""


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
    """Stream snapshots until the key is revoked, an hour has passed, or nobody listens; needs the role `viewer`."""
    request.user.require("viewer")
    if parts.latest.streams >= MOST_STREAMS:
        raise Overloaded("Too many consoles follow this process.", retry_after_s=10)
    await parts.latest.snapshot()
    return ServerSentEvent(_events(parts, request.headers.get("authorization")))


async def _events(parts: ApiParts, authorization: str | None) -> AsyncIterator[ServerSentEventMessage]:
    parts.latest.streams += 1
    try:
        began_s = commented_s = parts.clock.monotonic_s()
        shown = 0
        while parts.clock.monotonic_s() - began_s < FOLLOW_LIMIT_S:
            sequence, encoded = await _snapshot(parts)
            if sequence != shown and encoded:
                shown = sequence
                yield ServerSentEventMessage(data=encoded, event="snapshot", id=str(sequence), retry=RETRY_MS)
            if parts.clock.monotonic_s() - commented_s >= COMMENT_S:
                commented_s = parts.clock.monotonic_s()
                yield ServerSentEventMessage(data=None, comment="still here" if encoded else "no database")
                if not await _still_allowed(parts, authorization):
                    return
            await sleep(INTERVAL_S)
    finally:
        parts.latest.streams -= 1


async def _snapshot(parts: ApiParts) -> tuple[int, bytes]:
    """Return the latest snapshot, nothing while the database is away: the stream goes on, and the console grows old."""
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
