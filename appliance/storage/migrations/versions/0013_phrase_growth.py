"""The phrase library grows: what was said, who translated it, how often it is wanted, who says it, how it served

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_INDEXED = (("source", "target"), ("source", "rank"), ("origin", "rank"))


def _added() -> list[sa.Column]:
    return [
        sa.Column("said", sa.Text()),
        sa.Column("translator", sa.Text(), nullable=False, server_default=""),
        sa.Column("quality", sa.String(16), nullable=False, server_default="standard"),
        sa.Column("saying", sa.String(64)),
        sa.Column("value", sa.Double()),
        sa.Column("at_s", sa.Double()),
        sa.Column("rank", sa.Double()),
    ]


def upgrade() -> None:
    for column in _added():
        op.add_column("phrases", column)
    for first, second in _INDEXED:
        op.create_index(f"ix_phrases_{first}_{second}", "phrases", [first, second])
    op.create_table(
        "phrase_sayings",
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("application_id", sa.String(64), nullable=False),
        sa.Column("user_id", sa.String(128), nullable=False),
        sa.Column("voice", sa.String(16), nullable=False),
        sa.Column("source", sa.String(16), nullable=False),
        sa.Column("target", sa.String(16), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("at_s", sa.Double(), nullable=False),
        sa.Column("rank", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("key", "application_id", "user_id", "voice"),
    )
    op.create_index("ix_phrase_sayings_application_id_user_id", "phrase_sayings", ["application_id", "user_id"])
    op.create_index("ix_phrase_sayings_rank", "phrase_sayings", ["rank"])
    op.create_table(
        "phrase_days",
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("source", sa.String(16), nullable=False),
        sa.Column("target", sa.String(16), nullable=False),
        sa.Column("hits", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("own_hits", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("misses", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("size", sa.Integer(), nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("day", "source", "target"),
    )


def downgrade() -> None:
    op.drop_table("phrase_days")
    op.drop_table("phrase_sayings")
    for first, second in _INDEXED:
        op.drop_index(f"ix_phrases_{first}_{second}", "phrases")
    # What grew stands under keys that older versions do not know.
    op.execute("DELETE FROM phrases WHERE translator <> ''")
    for column in reversed(_added()):
        op.drop_column("phrases", column.name)
