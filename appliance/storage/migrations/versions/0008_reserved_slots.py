"""Reserved slots: the plan of a work item, and the slots of a worker

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_READY = sa.text("state = 'ready'")


def upgrade() -> None:
    op.add_column("workers", sa.Column("slots", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("work_items", sa.Column("plan", sa.String(length=32), nullable=True))
    op.execute(
        "UPDATE work_items SET plan = (SELECT jobs.plan FROM jobs WHERE jobs.id = work_items.job_id) "
        "WHERE state IN ('ready', 'claimed')"
    )
    op.create_index(
        "ix_work_items_plan_deadline_s", "work_items", ["plan", "deadline_s"],
        sqlite_where=_READY, postgresql_where=_READY,
    )  # fmt: skip


def downgrade() -> None:
    op.drop_index("ix_work_items_plan_deadline_s", "work_items")
    op.drop_column("work_items", "plan")
    op.drop_column("workers", "slots")
