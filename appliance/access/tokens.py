"""User tokens: JWTs that an application signs for one of its users with its own secret (HS256).

Claims: `iss` the application's id, `sub` the user, `aud` "meeshy", `exp` required; `nbf` is honoured. The times are
checked here and not by the JWT library, which has no clock that can be set.
"""

from typing import Any

import jwt
import sqlalchemy as sa

from appliance.access.caller import USER_ID, Caller
from appliance.errors import NotAuthenticated
from appliance.storage.tables import applications

AUDIENCE = "meeshy"
LEEWAY_S = 30.0
"""How far an application's clock may be off."""
_OWN_TIMES = {"verify_exp": False, "verify_nbf": False, "verify_iat": False}


def caller_of_token(connection: sa.Connection, token: str, now_s: float) -> Caller:
    """Return the application and user that a token speaks for, or raise NotAuthenticated."""
    try:
        # Who claims to have signed it decides which secret has to fit; nothing else is believed before that.
        issuer = jwt.decode(token, options={"verify_signature": False, **_OWN_TIMES}).get("iss")
        claims = _claims(token, _secrets(connection, issuer, now_s))
    except jwt.InvalidTokenError as error:
        raise NotAuthenticated("This user token is not valid.") from error
    _check_times(claims, now_s)
    if not USER_ID.fullmatch(claims["sub"]):
        raise NotAuthenticated("This user token names no usable user.")
    return Caller(application_id=claims["iss"], roles=frozenset({"app"}), user_id=claims["sub"])


def _claims(token: str, secrets: list[str]) -> dict[str, Any]:
    """Return what a token says, where it was signed with one of these secrets."""
    for secret in secrets:
        try:
            return jwt.decode(
                token,
                secret,
                algorithms=["HS256"],
                audience=AUDIENCE,
                options={"require": ["exp", "sub", "iss", "aud"], **_OWN_TIMES},
            )
        except jwt.InvalidSignatureError:
            continue
    raise NotAuthenticated("This user token is not valid.")


def _secrets(connection: sa.Connection, issuer: object, now_s: float) -> list[str]:
    """Return the issuer's secret and, for a day after a change, the one before it; none for an unknown issuer."""
    row = None
    if isinstance(issuer, str) and USER_ID.fullmatch(issuer):
        row = connection.execute(sa.select(applications).where(applications.c.id == issuer)).first()
    if row is None:
        return []
    earlier = row.previous_secret is not None and row.previous_until_s > now_s
    return [row.token_secret, row.previous_secret] if earlier else [row.token_secret]


def _check_times(claims: dict[str, Any], now_s: float) -> None:
    if not _number(claims["exp"]) or claims["exp"] + LEEWAY_S <= now_s:
        raise NotAuthenticated("This user token has expired.")
    if "nbf" in claims and (not _number(claims["nbf"]) or claims["nbf"] - LEEWAY_S > now_s):
        raise NotAuthenticated("This user token is not valid yet.")


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
