"""What the console needs: paused lanes, drained workers, retried jobs, actions, tallies and their history

Revision ID: 0015
Revises: 0014
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "lane_pauses",
        sa.Column("family", sa.String(16), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("since_s", sa.Double(), nullable=False),
        sa.Column("actor", sa.String(128), nullable=False),
        sa.Column("reason", sa.String(200), nullable=False),
        sa.PrimaryKeyConstraint("family", "priority"),
    )
    op.create_table(
        "admin_actions",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("key_id", sa.String(32), nullable=False),
        sa.Column("idempotency_key", sa.String(128), nullable=False),
        sa.Column("at_s", sa.Double(), nullable=False),
        sa.Column("request_sha256", sa.String(64), nullable=False),
        sa.Column("answer", sa.JSON()),
        sa.Column("refusal", sa.JSON()),
        sa.UniqueConstraint("key_id", "idempotency_key", name="uq_admin_actions_key_id_idempotency_key"),
    )
    op.create_index("ix_admin_actions_at_s", "admin_actions", ["at_s"])
    op.create_table(
        "tallies",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("at_s", sa.Double(), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
    )
    op.create_index("ix_tallies_at_s", "tallies", ["at_s"])
    op.create_table(
        "history",
        sa.Column("step_s", sa.Integer(), nullable=False),
        sa.Column("at_s", sa.BigInteger(), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("step_s", "at_s"),
    )
    op.add_column("workers", sa.Column("draining_s", sa.Double()))
    op.add_column("jobs", sa.Column("retried_as", sa.String(40)))


def downgrade() -> None:
    op.drop_column("jobs", "retried_as")
    op.drop_column("workers", "draining_s")
    for table in ("history", "tallies", "admin_actions", "lane_pauses"):
        op.drop_table(table)
