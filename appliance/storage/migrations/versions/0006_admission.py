"""Admission: stage rates, a job's audio seconds and ETA, the ETA's error.

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_DURATION = {"sqlite": "json_extract(audio, '$.duration_s')", "postgresql": "(audio ->> 'duration_s')::float8"}


def upgrade() -> None:
    op.create_table(
        "stage_rates",
        sa.Column("family", sa.String(length=16), nullable=False),
        sa.Column("length", sa.String(length=16), nullable=False),
        sa.Column("busy_s", sa.Double(), nullable=False),
        sa.Column("stayed_s", sa.Double(), nullable=False),
        sa.Column("audio_s", sa.Double(), nullable=False),
        sa.Column("changed_s", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("family", "length"),
    )
    op.add_column("jobs", sa.Column("audio_s", sa.Double(), nullable=False, server_default="0"))
    op.add_column("jobs", sa.Column("eta_s", sa.Double(), nullable=True))
    op.add_column("events", sa.Column("eta_error_s", sa.Double(), nullable=True))
    op.create_index("ix_jobs_state_deadline_s", "jobs", ["state", "deadline_s"])
    # Open jobs count as work that waits from the first start on.
    duration = _DURATION[op.get_bind().dialect.name]
    op.execute(f"UPDATE jobs SET audio_s = {duration} WHERE audio IS NOT NULL")


def downgrade() -> None:
    op.drop_index("ix_jobs_state_deadline_s", "jobs")
    op.drop_column("events", "eta_error_s")
    op.drop_column("jobs", "eta_s")
    op.drop_column("jobs", "audio_s")
    op.drop_table("stage_rates")
