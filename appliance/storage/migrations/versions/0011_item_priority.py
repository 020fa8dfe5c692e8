"""The priority of a work item, and an index over those of the highest that wait

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_FIRST = sa.text("state = 'ready' AND priority = 0")


def upgrade() -> None:
    op.add_column("work_items", sa.Column("priority", sa.Integer(), nullable=False, server_default="2"))
    op.execute(
        "UPDATE work_items SET priority = (SELECT jobs.priority FROM jobs WHERE jobs.id = work_items.job_id) "
        "WHERE state IN ('ready', 'claimed')"
    )
    op.create_index(
        "ix_work_items_first", "work_items", ["state", "deadline_s"], sqlite_where=_FIRST, postgresql_where=_FIRST
    )


def downgrade() -> None:
    op.drop_index("ix_work_items_first", "work_items")
    op.drop_column("work_items", "priority")
