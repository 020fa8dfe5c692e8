"""Audit rows of webhooks: what the operator did, and what a receiver's answer did."""

from typing import Any, Literal

import sqlalchemy as sa

from appliance.owner import Owner
from appliance.storage import audit

Actor = Literal["operator", "delivery"]
"""Stands in the place of the user: the command line, or the delivery itself."""


def record(
    connection: sa.Connection, actor: Actor, application_id: str, action: str, subject: str, now_s: float, **detail: Any
) -> None:
    """Add a row; no URL stands in it, because a receiver's may hold a secret."""
    audit.record(connection, Owner(application_id, actor), action, subject, now_s, **detail)
