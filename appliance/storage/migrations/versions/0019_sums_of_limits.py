"""What counts against a plan's limits is summed without what was answered from what is kept

Revision ID: 0019
Revises: 0018
"""

import sqlalchemy as sa
from alembic import op

from appliance.storage.beside_writers import left_for_later

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None
readable_by = "0016"

INDEXES = (
    (
        "usage", "ix_usage_counted", ["application_id", "day", "user_id", "translations", "audio_s"],
        "translations > 0 OR audio_s > 0",
    ),
    ("jobs", "ix_jobs_holding", ["application_id", "stored_bytes"], "stored_bytes > 0"),
)  # fmt: skip


def upgrade() -> None:
    for table, name, columns, where in INDEXES:
        if not left_for_later(op.get_bind(), table):
            op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def downgrade() -> None:
    for table, name, _, _ in reversed(INDEXES):
        op.drop_index(name, table, if_exists=True)
