"""Webhooks: leases, fences and sequence numbers in the outbox; destinations; an earlier secret beside the present one."""

from urllib.parse import urlsplit

import sqlalchemy as sa
from alembic import op

revision = '0004'
down_revision = "0003"
branch_labels = None
depends_on = None

_FILLED_IN = ('application_id', 'sequence', 'receiver', 'fence')


def upgrade() -> None:
    """Apply the change."""
    with op.batch_alter_table('applications', schema=None) as batch_op:
        batch_op.add_column(sa.Column('previous_secret', sa.String(length=128), nullable=True))
        batch_op.add_column(sa.Column('previous_until_s', sa.Double(), nullable=True))

    op.create_table('webhook_destinations',
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('application_id', sa.String(length=64), nullable=False),
    sa.Column('destination', sa.Text(), nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('since_s', sa.Double(), nullable=False),
    sa.PrimaryKeyConstraint('id')
    )
    with op.batch_alter_table('outbox', schema=None) as batch_op:
        batch_op.add_column(sa.Column('application_id', sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column('sequence', sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column('receiver', sa.Text(), nullable=True))
        batch_op.add_column(sa.Column('fence', sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column('lease_until_s', sa.Double(), nullable=True))
        batch_op.add_column(sa.Column('last_answer', sa.String(length=32), nullable=True))

    _fill_in(op.get_bind())
    with op.batch_alter_table('outbox', schema=None) as batch_op:
        for name in _FILLED_IN:
            batch_op.alter_column(name, nullable=False)
        batch_op.create_index(batch_op.f('ix_outbox_lease_until_s'), ['lease_until_s'], unique=False)
        batch_op.create_unique_constraint(batch_op.f('uq_outbox_job_id_sequence'), ['job_id', 'sequence'])


def downgrade() -> None:
    """Take the change back."""
    with op.batch_alter_table('outbox', schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f('uq_outbox_job_id_sequence'), type_='unique')
        batch_op.drop_index(batch_op.f('ix_outbox_lease_until_s'))
        for name in (*_FILLED_IN, 'lease_until_s', 'last_answer'):
            batch_op.drop_column(name)

    op.drop_table('webhook_destinations')
    # Not in a batch: that would make the table anew, which SQLite refuses while keys point at it.
    op.drop_column('applications', 'previous_until_s')
    op.drop_column('applications', 'previous_secret')


def _fill_in(connection: sa.Connection) -> None:
    """Give the messages of before what new ones get when they are written; a job had one message at most."""
    connection.execute(sa.text(
        "UPDATE outbox SET sequence = 1, fence = 0, "
        "application_id = (SELECT jobs.application_id FROM jobs WHERE jobs.id = outbox.job_id)"
    ))
    for message_id, destination in connection.execute(sa.text("SELECT id, destination FROM outbox")).all():
        parts = urlsplit(destination)
        port = parts.port or {'http': 80, 'https': 443}.get(parts.scheme, 0)
        connection.execute(
            sa.text("UPDATE outbox SET receiver = :receiver WHERE id = :id"),
            {'receiver': f"{parts.scheme}://{(parts.hostname or '').rstrip('.')}:{port}", 'id': message_id},
        )
