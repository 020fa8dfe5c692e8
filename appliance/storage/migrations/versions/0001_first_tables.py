"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = '0001'
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change: tables before those that refer to them."""
    _accounts()
    _jobs_and_workers()
    _keys_and_outbox()
    _work()


def _accounts() -> None:
    """Make applications, the audit and kept answers."""
    op.create_table('applications',
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('name', sa.String(length=128), nullable=False),
    sa.Column('token_secret', sa.String(length=128), nullable=False),
    sa.Column('created_s', sa.Double(), nullable=False),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('name', name=op.f('uq_applications_name'))
    )
    op.create_table('audit',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
    sa.Column('at_s', sa.Double(), nullable=False),
    sa.Column('application_id', sa.String(length=64), nullable=False),
    sa.Column('user_id', sa.String(length=128), nullable=False),
    sa.Column('action', sa.String(length=48), nullable=False),
    sa.Column('subject', sa.String(length=64), nullable=False),
    sa.Column('detail', sa.JSON(), nullable=False),
    sa.PrimaryKeyConstraint('id')
    )
    with op.batch_alter_table('audit', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_audit_at_s'), ['at_s'], unique=False)

    op.create_table('cached_answers',
    sa.Column('key', sa.String(length=64), nullable=False),
    sa.Column('application_id', sa.String(length=64), nullable=False),
    sa.Column('user_id', sa.String(length=128), nullable=False),
    sa.Column('kind', sa.String(length=16), nullable=False),
    sa.Column('job_id', sa.String(length=40), nullable=True),
    sa.Column('value', sa.JSON(), nullable=False),
    sa.Column('expires_s', sa.Double(), nullable=False),
    sa.PrimaryKeyConstraint('key')
    )
    with op.batch_alter_table('cached_answers', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_cached_answers_application_id_user_id'), ['application_id', 'user_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_cached_answers_expires_s'), ['expires_s'], unique=False)
        batch_op.create_index(batch_op.f('ix_cached_answers_job_id'), ['job_id'], unique=False)


def _jobs_and_workers() -> None:
    """Make jobs, phrases, rate windows and workers."""
    op.create_table('jobs',
    sa.Column('id', sa.String(length=40), nullable=False),
    sa.Column('application_id', sa.String(length=64), nullable=False),
    sa.Column('user_id', sa.String(length=128), nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('accepted_s', sa.Double(), nullable=False),
    sa.Column('deadline_s', sa.Double(), nullable=False),
    sa.Column('finished_s', sa.Double(), nullable=True),
    sa.Column('request', sa.JSON(), nullable=False),
    sa.Column('request_sha256', sa.String(length=64), nullable=False),
    sa.Column('idempotency_key', sa.String(length=128), nullable=True),
    sa.Column('audio_sha256', sa.String(length=64), nullable=False),
    sa.Column('audio', sa.JSON(none_as_null=True), nullable=True),
    sa.Column('source', sa.JSON(none_as_null=True), nullable=True),
    sa.Column('error', sa.JSON(none_as_null=True), nullable=True),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('application_id', 'user_id', 'idempotency_key', name=op.f('uq_jobs_application_id_user_id_idempotency_key'))
    )
    with op.batch_alter_table('jobs', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_jobs_application_id_user_id_accepted_s'), ['application_id', 'user_id', 'accepted_s'], unique=False)
        batch_op.create_index(batch_op.f('ix_jobs_state_finished_s'), ['state', 'finished_s'], unique=False)

    op.create_table('phrases',
    sa.Column('key', sa.String(length=64), nullable=False),
    sa.Column('source', sa.String(length=16), nullable=False),
    sa.Column('target', sa.String(length=16), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('origin', sa.String(length=32), nullable=False),
    sa.PrimaryKeyConstraint('key')
    )
    op.create_table('rate_windows',
    sa.Column('application_id', sa.String(length=64), nullable=False),
    sa.Column('user_id', sa.String(length=128), nullable=False),
    sa.Column('window_start_s', sa.BigInteger(), nullable=False),
    sa.Column('requests', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('application_id', 'user_id', 'window_start_s')
    )
    op.create_table('workers',
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('host', sa.String(length=128), nullable=False),
    sa.Column('pid', sa.Integer(), nullable=False),
    sa.Column('started_s', sa.Double(), nullable=False),
    sa.Column('seen_s', sa.Double(), nullable=False),
    sa.Column('proven_s', sa.Double(), nullable=True),
    sa.Column('capabilities', sa.JSON(), nullable=False),
    sa.PrimaryKeyConstraint('id')
    )


def _keys_and_outbox() -> None:
    """Make keys of applications and the outbox of jobs."""
    op.create_table('api_keys',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('application_id', sa.String(length=64), nullable=False),
    sa.Column('role', sa.String(length=16), nullable=False),
    sa.Column('secret_sha256', sa.String(length=64), nullable=False),
    sa.Column('created_s', sa.Double(), nullable=False),
    sa.Column('revoked_s', sa.Double(), nullable=True),
    sa.ForeignKeyConstraint(['application_id'], ['applications.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('secret_sha256', name=op.f('uq_api_keys_secret_sha256'))
    )
    op.create_table('outbox',
    sa.Column('id', sa.String(length=40), nullable=False),
    sa.Column('job_id', sa.String(length=40), nullable=False),
    sa.Column('destination', sa.Text(), nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('next_attempt_s', sa.Double(), nullable=False),
    sa.Column('created_s', sa.Double(), nullable=False),
    sa.ForeignKeyConstraint(['job_id'], ['jobs.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id')
    )
    with op.batch_alter_table('outbox', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_outbox_state_next_attempt_s'), ['state', 'next_attempt_s'], unique=False)


def _work() -> None:
    """Make the languages of jobs and their work items."""
    op.create_table('targets',
    sa.Column('id', sa.String(length=40), nullable=False),
    sa.Column('job_id', sa.String(length=40), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('language', sa.String(length=16), nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('result_key', sa.String(length=64), nullable=False),
    sa.Column('follows_id', sa.String(length=40), nullable=True),
    sa.Column('cached', sa.Boolean(), nullable=False),
    sa.Column('translation', sa.JSON(none_as_null=True), nullable=True),
    sa.Column('spoken', sa.JSON(none_as_null=True), nullable=True),
    sa.Column('progress', sa.JSON(none_as_null=True), nullable=True),
    sa.Column('error', sa.JSON(none_as_null=True), nullable=True),
    sa.Column('finished_s', sa.Double(), nullable=True),
    sa.ForeignKeyConstraint(['job_id'], ['jobs.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('job_id', 'language', name=op.f('uq_targets_job_id_language'))
    )
    with op.batch_alter_table('targets', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_targets_follows_id'), ['follows_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_targets_result_key_state'), ['result_key', 'state'], unique=False)

    op.create_table('work_items',
    sa.Column('id', sa.String(length=40), nullable=False),
    sa.Column('job_id', sa.String(length=40), nullable=False),
    sa.Column('target_id', sa.String(length=40), nullable=True),
    sa.Column('stage', sa.String(length=16), nullable=False),
    sa.Column('batch_key', sa.String(length=64), nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('deadline_s', sa.Double(), nullable=False),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('fence', sa.Integer(), nullable=False),
    sa.Column('worker_id', sa.String(length=64), nullable=True),
    sa.Column('lease_until_s', sa.Double(), nullable=True),
    sa.Column('payload', sa.JSON(), nullable=False),
    sa.Column('created_s', sa.Double(), nullable=False),
    sa.ForeignKeyConstraint(['job_id'], ['jobs.id'], ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['target_id'], ['targets.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id')
    )
    with op.batch_alter_table('work_items', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_work_items_batch_key_state_deadline_s'), ['batch_key', 'state', 'deadline_s'], unique=False)
        batch_op.create_index(batch_op.f('ix_work_items_job_id'), ['job_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_work_items_state_deadline_s'), ['state', 'deadline_s'], unique=False)
        batch_op.create_index(batch_op.f('ix_work_items_target_id'), ['target_id'], unique=False)


def downgrade() -> None:
    """Take the change back."""
    # ### commands auto generated by Alembic - please adjust! ###
    with op.batch_alter_table('work_items', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_work_items_target_id'))
        batch_op.drop_index(batch_op.f('ix_work_items_state_deadline_s'))
        batch_op.drop_index(batch_op.f('ix_work_items_job_id'))
        batch_op.drop_index(batch_op.f('ix_work_items_batch_key_state_deadline_s'))

    op.drop_table('work_items')
    with op.batch_alter_table('targets', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_targets_result_key_state'))
        batch_op.drop_index(batch_op.f('ix_targets_follows_id'))

    op.drop_table('targets')
    with op.batch_alter_table('outbox', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_outbox_state_next_attempt_s'))

    op.drop_table('outbox')
    op.drop_table('api_keys')
    op.drop_table('workers')
    op.drop_table('rate_windows')
    op.drop_table('phrases')
    with op.batch_alter_table('jobs', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_jobs_state_finished_s'))
        batch_op.drop_index(batch_op.f('ix_jobs_application_id_user_id_accepted_s'))

    op.drop_table('jobs')
    with op.batch_alter_table('cached_answers', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_cached_answers_job_id'))
        batch_op.drop_index(batch_op.f('ix_cached_answers_expires_s'))
        batch_op.drop_index(batch_op.f('ix_cached_answers_application_id_user_id'))

    op.drop_table('cached_answers')
    with op.batch_alter_table('audit', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_audit_at_s'))

    op.drop_table('audit')
    op.drop_table('applications')
    # ### end Alembic commands ###
