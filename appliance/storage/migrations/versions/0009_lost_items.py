"""An index over the work items that were lost and wait to be started again

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_LOST = sa.text("state = 'ready' AND attempts > 0")


def upgrade() -> None:
    op.create_index(
        "ix_work_items_lost", "work_items", ["state", "deadline_s"], sqlite_where=_LOST, postgresql_where=_LOST
    )  # fmt: skip


def downgrade() -> None:
    op.drop_index("ix_work_items_lost", "work_items")
