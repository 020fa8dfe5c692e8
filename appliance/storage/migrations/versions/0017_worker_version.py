"""Which release each worker runs

Revision ID: 0017
Revises: 0016
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None
readable_by = "0016"


def upgrade() -> None:
    op.add_column("workers", sa.Column("version", sa.String(32)))


def downgrade() -> None:
    op.drop_column("workers", "version")
