"""Voice profiles: profiles, samples, versions, conditionings, tombstones; work items that belong to a sample

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

# Of two indexes that would do, SQLite takes the one that was made last: those of one question come after the general ones.
_INDEXES = {
    "ix_work_items_state_deadline_s": (["state", "deadline_s"], None),
    "ix_work_items_batch_key_state_deadline_s": (["batch_key", "state", "deadline_s"], None),
    "ix_work_items_job_id": (["job_id"], None),
    "ix_work_items_target_id": (["target_id"], None),
    "ix_work_items_plan_deadline_s": (["plan", "deadline_s"], "state = 'ready'"),
    "ix_work_items_first": (["state", "deadline_s"], "state = 'ready' AND priority = 0"),
    "ix_work_items_lost": (["state", "deadline_s"], "state = 'ready' AND attempts > 0"),
}


def _work_items(*, of_samples: bool) -> sa.Table:
    """Return the table as it is before a change, without its indexes: alembic would make those in a random order."""
    sample = [sa.Column("sample_id", sa.String(40), sa.ForeignKey("voice_samples.id", ondelete="CASCADE",
                        name="fk_work_items_sample_id_voice_samples"))] if of_samples else []
    return sa.Table(
        "work_items",
        sa.MetaData(),
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("job_id", sa.String(40), sa.ForeignKey("jobs.id", ondelete="CASCADE"), nullable=of_samples),
        *sample,
        sa.Column("target_id", sa.String(40), sa.ForeignKey("targets.id", ondelete="CASCADE")),
        sa.Column("stage", sa.String(16), nullable=False),
        sa.Column("batch_key", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("deadline_s", sa.Double, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("fence", sa.Integer, nullable=False),
        sa.Column("worker_id", sa.String(64)),
        sa.Column("lease_until_s", sa.Double),
        sa.Column("claimed_s", sa.Double),
        sa.Column("payload", sa.JSON, nullable=False),
        sa.Column("created_s", sa.Double, nullable=False),
        sa.Column("plan", sa.String(32)),
        sa.Column("priority", sa.Integer, nullable=False, server_default="2"),
    )


def _index_again() -> None:
    """Make the indexes that SQLite lost with the table it made anew."""
    if op.get_bind().dialect.name == "sqlite":
        for name, (columns, where) in _INDEXES.items():
            op.create_index(name, "work_items", columns, sqlite_where=sa.text(where) if where else None)


def upgrade() -> None:
    _create_profiles()
    _create_versions()
    op.add_column("jobs", sa.Column("voice_profile_id", sa.String(40)))
    op.create_index("ix_jobs_voice_profile_id", "jobs", ["voice_profile_id"])
    with op.batch_alter_table("work_items", copy_from=_work_items(of_samples=False)) as batch:
        batch.alter_column("job_id", existing_type=sa.String(40), nullable=True)
        batch.add_column(sa.Column("sample_id", sa.String(40)))
        batch.create_foreign_key(
            "fk_work_items_sample_id_voice_samples", "voice_samples", ["sample_id"], ["id"], ondelete="CASCADE"
        )
    _index_again()
    op.create_index("ix_work_items_sample_id", "work_items", ["sample_id"])


def downgrade() -> None:
    op.execute("DELETE FROM work_items WHERE job_id IS NULL")
    op.drop_index("ix_work_items_sample_id", "work_items")
    with op.batch_alter_table("work_items", copy_from=_work_items(of_samples=True)) as batch:
        batch.drop_constraint("fk_work_items_sample_id_voice_samples", type_="foreignkey")
        batch.drop_column("sample_id")
        batch.alter_column("job_id", existing_type=sa.String(40), nullable=False)
    _index_again()
    op.drop_index("ix_jobs_voice_profile_id", "jobs")
    op.drop_column("jobs", "voice_profile_id")
    for table in ("voice_tombstones", "voice_conditionings", "voice_versions", "voice_samples", "voice_profiles"):
        op.drop_table(table)


def _profile_id() -> sa.Column:
    return sa.Column("profile_id", sa.String(40), sa.ForeignKey("voice_profiles.id", ondelete="CASCADE"),
                     nullable=False)


def _create_profiles() -> None:
    op.create_table(
        "voice_profiles",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("application_id", sa.String(64), nullable=False),
        sa.Column("user_id", sa.String(128), nullable=False),
        sa.Column("state", sa.String(24), nullable=False),
        sa.Column("key_object", sa.String(200), nullable=False),
        sa.Column("created_s", sa.Double, nullable=False),
        sa.Column("version", sa.Integer, nullable=False, server_default="0"),
        sa.Column("level", sa.String(16)),
        sa.Column("clean_speech_s", sa.Double, nullable=False, server_default="0"),
        sa.Column("languages", sa.JSON, nullable=False),
        sa.Column("consent", sa.LargeBinary, nullable=False),
        sa.Column("consent_expires_s", sa.Double),
        sa.Column("challenge", sa.LargeBinary),
        sa.Column("challenge_id", sa.String(40)),
        sa.Column("challenge_expires_s", sa.Double),
        sa.Column("idempotency_key", sa.String(128)),
        sa.Column("request_sha256", sa.String(64), nullable=False),
        sa.UniqueConstraint("application_id", "user_id", name="uq_voice_profiles_application_id_user_id"),
    )
    op.create_index("ix_voice_profiles_consent_expires_s", "voice_profiles", ["consent_expires_s"])
    op.create_table(
        "voice_samples",
        sa.Column("id", sa.String(40), primary_key=True),
        _profile_id(),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("origin", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("object", sa.String(200), nullable=False),
        sa.Column("upload_sha256", sa.String(64), nullable=False),
        sa.Column("idempotency_key", sa.String(128)),
        sa.Column("challenge_id", sa.String(40)),
        sa.Column("duration_s", sa.Double, nullable=False),
        sa.Column("measures", sa.JSON),
        sa.Column("embedding", sa.LargeBinary),
        sa.Column("faults", sa.JSON, nullable=False),
        sa.Column("created_s", sa.Double, nullable=False),
        sa.Column("judged_s", sa.Double),
        sa.UniqueConstraint("profile_id", "idempotency_key", name="uq_voice_samples_profile_id_idempotency_key"),
    )
    op.create_index("ix_voice_samples_profile_id_state", "voice_samples", ["profile_id", "state"])


def _create_versions() -> None:
    op.create_table(
        "voice_versions",
        sa.Column("id", sa.String(40), primary_key=True),
        _profile_id(),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("level", sa.String(16)),
        sa.Column("clean_speech_s", sa.Double, nullable=False),
        sa.Column("stability", sa.Double, nullable=False),
        sa.Column("similarity", sa.Double),
        sa.Column("similarity_before", sa.Double),
        sa.Column("embedding", sa.LargeBinary, nullable=False),
        sa.Column("reference_ids", sa.JSON, nullable=False),
        sa.Column("created_s", sa.Double, nullable=False),
        sa.UniqueConstraint("profile_id", "number", name="uq_voice_versions_profile_id_number"),
    )
    op.create_table(
        "voice_conditionings",
        sa.Column("id", sa.String(64), primary_key=True),
        _profile_id(),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("synthesizer", sa.String(200), nullable=False),
        sa.Column("language", sa.String(16), nullable=False),
        sa.Column("voice", sa.LargeBinary, nullable=False),
        sa.Column("created_s", sa.Double, nullable=False),
        sa.Column("used_s", sa.Double, nullable=False),
    )
    op.create_index("ix_voice_conditionings_profile_id_version", "voice_conditionings", ["profile_id", "version"])
    op.create_table(
        "voice_tombstones",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("owner_digest", sa.String(32), nullable=False),
        sa.Column("profile_digest", sa.String(64), nullable=False),
        sa.Column("reason", sa.String(16), nullable=False),
        sa.Column("erased_s", sa.Double, nullable=False),
        sa.Column("counts", sa.JSON, nullable=False),
        sa.Column("pending", sa.JSON),
    )
    op.create_index("ix_voice_tombstones_profile_digest", "voice_tombstones", ["profile_digest"])
