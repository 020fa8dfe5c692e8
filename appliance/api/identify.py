"""Every request's caller: an ASGI layer that lets nobody pass without a valid key or token, but for four open pages."""

from typing import Annotated

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult
from litestar.params import HeaderParameter, QueryParameter
from litestar.types import ASGIApp

from appliance.access.caller import Caller
from appliance.access.identify import identify
from appliance.access.rates import count_request
from appliance.api.parts import ApiParts, Parts
from appliance.errors import InvalidRequest
from appliance.owner import Owner

METRICS_PATH = r"^/metrics\Z"
"""Open only where the site says so."""
OPERATORS_PATH = "/api/v1/admin/"
"""What begins so waits behind no upload, from its key on."""

# Anchored at both ends: an unanchored "/health" would also open /v1/files/health.
OPEN_PATHS = [r"^/health/live\Z", r"^/health/ready\Z", r"^/schema/openapi\.json\Z", r"^/docs\Z"]

UserHeader = Annotated[
    str | None,
    HeaderParameter(
        name="X-Meeshy-User",
        required=False,
        description="With an API key: the user this is for. The query parameter user_id says the same.",
    ),
]
UserQuery = Annotated[
    str | None,
    QueryParameter(name="user_id", required=False, description="With an API key: the user this is for."),
]


class Identify(AbstractAuthenticationMiddleware):
    """Puts the caller into `request.user`."""

    def __init__(self, app: ASGIApp, parts: ApiParts) -> None:
        """Open only the paths that everybody may see."""
        open_here = [METRICS_PATH] if parts.settings.metrics_open else []
        super().__init__(app, exclude=[*OPEN_PATHS, *open_here])
        self._parts = parts

    async def authenticate_request(self, connection: ASGIConnection) -> AuthenticationResult:
        """Return the caller, or raise NotAuthenticated."""
        parts = self._parts
        authorization = connection.headers.get("authorization")
        of_operators = connection.scope["path"].startswith(OPERATORS_PATH)
        run = parts.threads.operate if of_operators else parts.threads.short
        caller = await run(identify, parts.database, parts.clock, authorization)
        return AuthenticationResult(user=caller, auth=None)


async def owner_of_request(
    request: Request[Caller, None, object], parts: Parts, user_header: UserHeader = None, user_query: UserQuery = None
) -> Owner:
    """Return whose request this is, counted against the user's limit."""
    request.user.require("app")
    owner = request.user.owner(named_in_header(user_header), user_query)
    await parts.threads.short(count_request, parts.database, owner, parts.settings.requests_per_minute)
    return owner


def named_in_header(value: str | None) -> str | None:
    """Return a header's text, sent as UTF-8; ASGI servers hand headers over as Latin-1."""
    if value is None:
        return None
    try:
        return value.encode("latin-1").decode()
    except UnicodeError as error:
        raise InvalidRequest("The header X-Meeshy-User is not UTF-8.") from error
