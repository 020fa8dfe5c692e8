"""Counts of requests are not worth a flush of PostgreSQL's log: every request makes one, and a minute ends them

A server that crashes forgets them, so a window may then be used twice.

Revision ID: 0010
Revises: 0009
"""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _alter("UNLOGGED")


def downgrade() -> None:
    _alter("LOGGED")


def _alter(to: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"ALTER TABLE rate_windows SET {to}")
