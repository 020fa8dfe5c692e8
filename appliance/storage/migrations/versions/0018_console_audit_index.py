"""Actions of operators are found without a walk over everything else in the audit

Revision ID: 0018
Revises: 0017
"""

import sqlalchemy as sa
from alembic import op

from appliance.storage.beside_writers import left_for_later

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None
readable_by = "0016"

OF_CONSOLE = "substr(action, 1, 8) = 'console.'"


def upgrade() -> None:
    if left_for_later(op.get_bind(), "audit"):
        return
    op.create_index(
        "ix_audit_console_at_s",
        "audit",
        ["at_s"],
        sqlite_where=sa.text(OF_CONSOLE),
        postgresql_where=sa.text(OF_CONSOLE),
    )


def downgrade() -> None:
    op.drop_index("ix_audit_console_at_s", "audit", if_exists=True)
