"""Plans, usage per language of a job, values of the site; the terms that a job was accepted under."""

import sqlalchemy as sa
from alembic import op

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    op.create_table('plans',
    sa.Column('name', sa.String(length=32), nullable=False),
    sa.Column('sla_s', sa.Double(), nullable=True),
    sa.Column('priority', sa.Integer(), nullable=False),
    sa.Column('translations_per_month', sa.Integer(), nullable=True),
    sa.Column('user_translations_per_month', sa.Integer(), nullable=True),
    sa.Column('languages', sa.JSON(none_as_null=True), nullable=True),
    sa.Column('model_preset', sa.String(length=64), nullable=True),
    sa.Column('cloned_voice', sa.Boolean(), nullable=False),
    sa.Column('analytics', sa.Boolean(), nullable=False),
    sa.Column('reserved_slots', sa.Integer(), nullable=False),
    sa.Column('concurrent_jobs', sa.Integer(), nullable=True),
    sa.Column('audio_s_per_day', sa.Double(), nullable=True),
    sa.Column('stored_bytes', sa.BigInteger(), nullable=True),
    sa.Column('requests_per_minute', sa.Integer(), nullable=True),
    sa.Column('user_requests_per_minute', sa.Integer(), nullable=True),
    sa.PrimaryKeyConstraint('name')
    )
    op.create_table('usage',
    sa.Column('target_id', sa.String(length=40), nullable=False),
    sa.Column('application_id', sa.String(length=64), nullable=False),
    sa.Column('user_id', sa.String(length=128), nullable=False),
    sa.Column('day', sa.String(length=10), nullable=False),
    sa.Column('translations', sa.Integer(), nullable=False),
    sa.Column('cached_answers', sa.Integer(), nullable=False),
    sa.Column('audio_s', sa.Double(), nullable=False),
    sa.Column('engine_s', sa.Double(), nullable=False),
    sa.Column('characters', sa.Integer(), nullable=False),
    sa.Column('deepl_characters', sa.Integer(), nullable=False),
    sa.Column('recording_bytes', sa.BigInteger(), nullable=False),
    sa.Column('result_bytes', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('target_id')
    )
    op.create_index(op.f('ix_usage_application_id_day_user_id'), 'usage', ['application_id', 'day', 'user_id'], unique=False)
    op.create_table('site',
    sa.Column('key', sa.String(length=64), nullable=False),
    sa.Column('value', sa.JSON(), nullable=False),
    sa.Column('changed_s', sa.Double(), nullable=False),
    sa.PrimaryKeyConstraint('key')
    )
    # Applications of before had no limits: a box of one company must not refuse after an update what it took before.
    op.add_column('applications', sa.Column('plan', sa.String(length=32), server_default='enterprise', nullable=False))
    op.add_column('jobs', sa.Column('plan', sa.String(length=32), nullable=True))
    op.add_column('jobs', sa.Column('priority', sa.Integer(), server_default='0', nullable=False))
    op.add_column('jobs', sa.Column('sla_s', sa.Double(), nullable=True))
    op.add_column('jobs', sa.Column('stored_bytes', sa.BigInteger(), server_default='0', nullable=False))
    # Windows of a minute: nothing in them is worth taking along.
    op.drop_table('rate_windows')
    _rate_windows(sa.Column('kind', sa.String(length=16), nullable=False), ['application_id', 'user_id', 'kind', 'window_start_s'])


def downgrade() -> None:
    """Take the change back."""
    op.drop_table('rate_windows')
    _rate_windows(None, ['application_id', 'user_id', 'window_start_s'])
    for column in ('stored_bytes', 'sla_s', 'priority', 'plan'):
        op.drop_column('jobs', column)
    op.drop_column('applications', 'plan')
    op.drop_table('site')
    op.drop_index(op.f('ix_usage_application_id_day_user_id'), table_name='usage')
    op.drop_table('usage')
    op.drop_table('plans')


def _rate_windows(kind: sa.Column | None, key: list[str]) -> None:
    op.create_table('rate_windows',
    sa.Column('application_id', sa.String(length=64), nullable=False),
    sa.Column('user_id', sa.String(length=128), nullable=False),
    *([] if kind is None else [kind]),
    sa.Column('window_start_s', sa.BigInteger(), nullable=False),
    sa.Column('requests', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint(*key)
    )
