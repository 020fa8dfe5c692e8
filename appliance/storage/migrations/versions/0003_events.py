"""Events: what happened to each language of a job, for statistics and for learning."""

import sqlalchemy as sa
from alembic import op

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    op.create_table('events',
    sa.Column('id', sa.String(length=40), nullable=False),
    sa.Column('at_s', sa.Double(), nullable=False),
    sa.Column('application_id', sa.String(length=64), nullable=False),
    sa.Column('user_id', sa.String(length=128), nullable=False),
    sa.Column('kind', sa.String(length=16), nullable=False),
    sa.Column('job_id', sa.String(length=40), nullable=False),
    sa.Column('language', sa.String(length=16), nullable=False),
    sa.Column('source_language', sa.String(length=16), nullable=True),
    sa.Column('variant', sa.String(length=64), nullable=True),
    sa.Column('state', sa.String(length=16), nullable=True),
    sa.Column('cached', sa.Boolean(), nullable=True),
    sa.Column('latency_s', sa.Double(), nullable=True),
    sa.Column('wer', sa.Double(), nullable=True),
    sa.Column('similarity', sa.Double(), nullable=True),
    sa.Column('rating', sa.Integer(), nullable=True),
    sa.Column('rating_counts', sa.Boolean(), nullable=False),
    sa.Column('detail', sa.JSON(), nullable=False),
    sa.Column('comment', sa.Text(), nullable=True),
    sa.PrimaryKeyConstraint('id')
    )
    with op.batch_alter_table('events', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_events_application_id_user_id_at_s'), ['application_id', 'user_id', 'at_s'], unique=False)
        batch_op.create_index(batch_op.f('ix_events_job_id'), ['job_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_events_at_s'), ['at_s'], unique=False)
        batch_op.create_index('uq_events_rating_that_counts', ['job_id', 'language'], unique=True,
            sqlite_where=sa.text('rating_counts'), postgresql_where=sa.text('rating_counts'))


def downgrade() -> None:
    """Take the change back."""
    with op.batch_alter_table('events', schema=None) as batch_op:
        batch_op.drop_index('uq_events_rating_that_counts')
        batch_op.drop_index(batch_op.f('ix_events_at_s'))
        batch_op.drop_index(batch_op.f('ix_events_job_id'))
        batch_op.drop_index(batch_op.f('ix_events_application_id_user_id_at_s'))

    op.drop_table('events')
