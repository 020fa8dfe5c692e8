"""What caches outside the database have to let go of

Revision ID: 0014
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_OPEN = sa.text("NOT forgotten")


def upgrade() -> None:
    op.create_table(
        "purges",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("at_s", sa.Double(), nullable=False),
        sa.Column("application_id", sa.String(64), nullable=False),
        sa.Column("user_id", sa.String(128), nullable=False),
        sa.Column("job_id", sa.String(40), nullable=False),
        sa.Column("audio_sha256", sa.JSON(), nullable=False),
        sa.Column("forgotten", sa.Boolean(), nullable=False),
    )
    op.create_index("ix_purges_at_s", "purges", ["at_s"])
    op.create_index("ix_purges_open", "purges", ["id"], sqlite_where=_OPEN, postgresql_where=_OPEN)


def downgrade() -> None:
    op.drop_table("purges")
