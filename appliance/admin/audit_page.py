"""The audit, page by page, the newest first."""

import sqlalchemy as sa

from appliance.admin.ages import age_s
from appliance.admin.page_types import AuditEntry, AuditPage
from appliance.storage.audit import CONSOLE, of_console
from appliance.storage.tables import applications, audit


def load_audit(
    connection: sa.Connection, now_s: float, limit: int, before: int | None, action: str | None
) -> AuditPage:  # fmt: skip
    """Return a page of the audit, of actions whose name begins like this where one is given."""
    query = (
        sa.select(audit, applications.c.name)
        .join(applications, applications.c.id == audit.c.application_id, isouter=True)
        .order_by(audit.c.id.desc())
    )
    if before is not None:
        query = query.where(audit.c.id < before)
    if action is not None and action.startswith(CONSOLE):
        query = query.where(of_console())
    if action is not None:
        query = query.where(audit.c.action.startswith(action, autoescape=True))
    rows = connection.execute(query.limit(limit + 1)).all()
    shown = rows[:limit]
    return AuditPage(
        server_time_s=now_s,
        entries=tuple(
            AuditEntry(
                id=row.id,
                at_s=row.at_s,
                ago_s=age_s(row.at_s, now_s),
                application=row.name or row.application_id,
                actor=row.user_id,
                action=row.action,
                subject=row.subject,
                result=row.detail.get("result"),
                reason=row.detail.get("reason") or None,
            )
            for row in shown
        ),
        next_cursor=str(shown[-1].id) if len(rows) > limit else None,
    )
