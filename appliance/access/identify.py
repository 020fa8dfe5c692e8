"""From the Authorization header to the caller."""

import re

from appliance.access.caller import Caller
from appliance.access.keys import caller_of_key
from appliance.access.tokens import caller_of_token
from appliance.clock import Clock
from appliance.errors import NotAuthenticated
from appliance.storage.database import Database

_BEARER = re.compile(r"bearer +([\x21-\x7e]{1,4096})", re.IGNORECASE)


def identify(database: Database, clock: Clock, authorization: str | None) -> Caller:
    """Return who sends `Authorization: Bearer <API key or user token>`, or raise NotAuthenticated."""
    if not authorization:
        raise NotAuthenticated("Send an API key or a user token: Authorization: Bearer …")
    match = _BEARER.fullmatch(authorization.strip())
    if match is None:
        raise NotAuthenticated("The Authorization header has to be: Bearer, a space, then an API key or a user token.")
    with database.read() as connection:
        if match[1].startswith("mk_"):
            return caller_of_key(connection, match[1])
        return caller_of_token(connection, match[1], clock.now_s())
