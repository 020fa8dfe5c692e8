"""What the GPUs of each host said last

Revision ID: 0016
Revises: 0015
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "gpu_readings",
        sa.Column("host", sa.String(128), primary_key=True),
        sa.Column("read_s", sa.Double(), nullable=False),
        sa.Column("reading", sa.JSON(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("gpu_readings")
