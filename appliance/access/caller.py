"""Who is calling, and for which user: the owner of everything the request touches."""

import re

import msgspec

from appliance.errors import Forbidden, InvalidRequest
from appliance.owner import Owner

# 128 is the column's width. PostgreSQL cannot store NUL, and a control character in a log makes a second line.
USER_ID = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{1,128}")
_INCLUDED_IN = {"viewer": frozenset({"operator", "admin"}), "operator": frozenset({"admin"})}
"""Who may act may look, and who administers may act."""
WHOLE_APPLICATION = ""
"""No user has this id: what belongs to an application as such is counted under it."""


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """An application, calling with a key (then the request names the user) or with one user's token."""

    application_id: str
    roles: frozenset[str]
    user_id: str | None = None
    """The user a token was made for; None for a key."""
    key_id: str | None = None
    """The key's id; None for a token."""

    def require(self, role: str) -> None:
        """Raise Forbidden unless the caller has this role, or one that includes it."""
        if role not in self.roles and self.roles.isdisjoint(_INCLUDED_IN.get(role, ())):
            raise Forbidden(f"This needs a key with the role '{role}'.")

    def whole_application(self) -> Owner:
        """Return who requests about all users are counted for; Forbidden without the role `admin`."""
        self.require("admin")
        return Owner(self.application_id, WHOLE_APPLICATION)

    def owner(self, *named: str | None) -> Owner:
        """Return whose request this is; the names are the places of the request that may give the user's id.

        Raises InvalidRequest where a key's request names no user or two, Forbidden where a token is used for another.
        """
        given = {name for name in named if name is not None}
        for name in given:
            if not USER_ID.fullmatch(name):
                raise InvalidRequest("A user id has 1 to 128 characters and no control characters.")
        if self.user_id is not None:
            if given - {self.user_id}:
                raise Forbidden("This token was made for another user.")
            return Owner(self.application_id, self.user_id)
        if len(given) > 1:
            raise InvalidRequest("The request names two different users.")
        if not given:
            raise InvalidRequest("With an API key the request has to name the user: user_id, or header X-Meeshy-User.")
        return Owner(self.application_id, given.pop())
