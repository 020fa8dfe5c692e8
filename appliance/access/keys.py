"""API keys: `mk_<id>_<secret>`, of which only the secret's SHA-256 is stored.

A fast hash suffices: the secret has 256 random bits, so there is nothing to guess.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from typing import Literal

import msgspec
import sqlalchemy as sa

from appliance.access.caller import Caller
from appliance.access.plan import DEFAULT_PLAN
from appliance.application_secret import new_secret
from appliance.errors import NotAuthenticated, NotFound
from appliance.jobs.items import new_id
from appliance.owner import Owner
from appliance.storage.audit import record
from appliance.storage.database import Database
from appliance.storage.tables import api_keys, applications

Role = Literal["app", "viewer", "operator", "admin", "admin+app"]
_KEY = re.compile(r"mk_([0-9a-f]{16})_([0-9a-f]{64})")
_KEY_NAMED = sa.select(api_keys).where(api_keys.c.id == sa.bindparam("key_id"))
"""Made once: every request asks it."""
_NOBODY = "0" * 64
OPERATOR = "operator"
"""The user id under which changes made at the command line stand in the audit."""


class IssuedKey(msgspec.Struct, frozen=True, kw_only=True):
    """A new key, the only time that it is readable, with what its application signs user tokens with."""

    id: str
    key: str
    role: Role
    application: str
    application_id: str
    token_secret: str


class KeyEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A key as lists show it."""

    id: str
    role: str
    application: str
    application_id: str
    created_s: float
    revoked_s: float | None


def create_key(database: Database, application: str, role: Role, plan: str = DEFAULT_PLAN) -> IssuedKey:
    """Store a new key, and its application with a fresh secret where the name is new; return the readable key.

    The plan is a new application's; one that exists keeps its own.
    """
    with database.write() as connection:
        return add_key(connection, application, role, database.now_s(connection), plan)


def add_key(
    connection: sa.Connection, application: str, role: Role, now_s: float, plan: str = DEFAULT_PLAN
) -> IssuedKey:
    """Add a key in this transaction."""
    row = connection.execute(sa.select(applications).where(applications.c.name == application)).first()
    application_id = row.id if row else new_id("app")
    token_secret = row.token_secret if row else new_secret()
    if row is None:
        connection.execute(
            sa.insert(applications).values(
                id=application_id, name=application, token_secret=token_secret, created_s=now_s, plan=plan
            )
        )
    key_id, secret = secrets.token_hex(8), secrets.token_hex(32)
    connection.execute(
        sa.insert(api_keys).values(
            id=key_id, application_id=application_id, role=role, secret_sha256=_sha256(secret), created_s=now_s
        )
    )
    record(connection, Owner(application_id, OPERATOR), "key_created", key_id, now_s, role=role)
    return IssuedKey(
        id=key_id,
        key=f"mk_{key_id}_{secret}",
        role=role,
        application=application,
        application_id=application_id,
        token_secret=token_secret,
    )


def list_keys(database: Database) -> Sequence[KeyEntry]:
    """Return all keys, oldest first, revoked ones included."""
    query = (
        sa.select(api_keys, applications.c.name.label("application"))
        .join(applications, applications.c.id == api_keys.c.application_id)
        .order_by(api_keys.c.created_s, api_keys.c.id)
    )
    with database.read() as connection:
        return [
            KeyEntry(
                id=row.id,
                role=row.role,
                application=row.application,
                application_id=row.application_id,
                created_s=row.created_s,
                revoked_s=row.revoked_s,
            )
            for row in connection.execute(query)
        ]


def revoke_key(database: Database, key_id: str) -> None:
    """Make a key useless from the next request on; revoking it again changes nothing. NotFound for an unknown id."""
    with database.write() as connection:
        row = connection.execute(sa.select(api_keys).where(api_keys.c.id == key_id)).first()
        if row is None:
            raise NotFound(f"There is no key with the id '{key_id}'; see: meeshy keys list.")
        if row.revoked_s is not None:
            return
        now_s = database.now_s(connection)
        connection.execute(sa.update(api_keys).where(api_keys.c.id == key_id).values(revoked_s=now_s))
        record(connection, Owner(row.application_id, OPERATOR), "key_revoked", key_id, now_s)


def caller_of_key(connection: sa.Connection, text: str) -> Caller:
    """Return who holds this key, or raise NotAuthenticated with the same sentence for every reason."""
    match = _KEY.fullmatch(text)
    row = None
    if match:
        row = connection.execute(_KEY_NAMED, {"key_id": match[1]}).first()
    expected = row.secret_sha256 if row else _NOBODY
    given = _sha256(match[2]) if match else ""
    if not hmac.compare_digest(expected, given) or row is None or row.revoked_s is not None:
        raise NotAuthenticated("This API key is not valid.")
    return Caller(application_id=row.application_id, roles=frozenset(row.role.split("+")), key_id=row.id)


def _sha256(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
