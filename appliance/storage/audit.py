"""The audit: who did what to what, in the transaction that did it."""

from typing import Any

import sqlalchemy as sa

from appliance.owner import Owner
from appliance.storage.tables import audit

_INSERT = sa.insert(audit)
"""Made once: every message that is spoken in somebody's voice adds a row."""
CONSOLE = "console."
"""What the names of operators' actions begin with."""


def of_console() -> sa.TextClause:
    """Return the condition that a row is of an operator's action.

    As text: with a bound value, the index over these rows alone would not be used.
    """
    return sa.text(f"substr(audit.action, 1, {len(CONSOLE)}) = '{CONSOLE}'")


def record(
    connection: sa.Connection, owner: Owner, action: str, subject: str, now_s: float, **detail: Any
) -> None:  # fmt: skip
    """Add a row; `subject` is an id and `detail` holds no text of a recording, no address and no secret."""
    row = {
        "at_s": now_s, "application_id": owner.application_id, "user_id": owner.user_id, "action": action,
        "subject": subject, "detail": detail,
    }  # fmt: skip
    connection.execute(_INSERT, row)
