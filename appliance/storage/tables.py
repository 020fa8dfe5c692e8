"""The tables but those of voice profiles and of the console. Times are seconds since the epoch, documents are JSON."""

import sqlalchemy as sa

metadata = sa.MetaData(
    naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s", "uq": "uq_%(table_name)s_%(column_0_N_name)s"}
)


def owner_columns() -> tuple[sa.Column, sa.Column]:
    """Return the columns that say whose a row is."""
    return (
        sa.Column("application_id", sa.String(64), nullable=False),
        sa.Column("user_id", sa.String(128), nullable=False),
    )


def partial_index(name: str | None, where: str, *columns: str, unique: bool = False) -> sa.Index:
    """Return an index of the rows that a condition holds for, on both databases; who asks in its words is served."""
    held = sa.text(where)
    return sa.Index(name, *columns, unique=unique, sqlite_where=held, postgresql_where=held)


applications = sa.Table(
    "applications",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("name", sa.String(128), nullable=False, unique=True),
    sa.Column("token_secret", sa.String(128), nullable=False),
    sa.Column("previous_secret", sa.String(128)),
    sa.Column("previous_until_s", sa.Double),
    sa.Column("created_s", sa.Double, nullable=False),
    # No foreign key: SQLite would have to make the table anew, and keys point at it. The commands check the name.
    sa.Column("plan", sa.String(32), nullable=False, server_default="enterprise"),
)

api_keys = sa.Table(
    "api_keys",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("application_id", sa.ForeignKey("applications.id"), nullable=False),
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("secret_sha256", sa.String(64), nullable=False, unique=True),
    sa.Column("created_s", sa.Double, nullable=False),
    sa.Column("revoked_s", sa.Double),
)

rate_windows = sa.Table(
    "rate_windows",
    metadata,
    *owner_columns(),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("window_start_s", sa.BigInteger, nullable=False),
    sa.Column("requests", sa.Integer, nullable=False),
    sa.PrimaryKeyConstraint("application_id", "user_id", "kind", "window_start_s"),
)

jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    *owner_columns(),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("accepted_s", sa.Double, nullable=False),
    sa.Column("deadline_s", sa.Double, nullable=False),
    sa.Column("finished_s", sa.Double),
    sa.Column("request", sa.JSON, nullable=False),
    sa.Column("request_sha256", sa.String(64), nullable=False),
    sa.Column("idempotency_key", sa.String(128)),
    sa.Column("audio_sha256", sa.String(64), nullable=False),
    sa.Column("audio", sa.JSON(none_as_null=True)),
    sa.Column("source", sa.JSON(none_as_null=True)),
    sa.Column("error", sa.JSON(none_as_null=True)),
    sa.Column("plan", sa.String(32)),
    sa.Column("priority", sa.Integer, nullable=False, server_default="0"),
    sa.Column("sla_s", sa.Double),
    sa.Column("stored_bytes", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("audio_s", sa.Double, nullable=False, server_default="0"),
    sa.Column("eta_s", sa.Double),
    # No foreign key: a job outlives the profile it was spoken with, and its erasure finds it by this.
    sa.Column("voice_profile_id", sa.String(40)),
    # The job that a retry made of what failed here; see `appliance/admin/retries.py`.
    sa.Column("retried_as", sa.String(40)),
    sa.UniqueConstraint("application_id", "user_id", "idempotency_key"),
    sa.Index(None, "application_id", "user_id", "accepted_s"),
    sa.Index(None, "state", "finished_s"),
    sa.Index(None, "state", "deadline_s"),
    sa.Index(None, "voice_profile_id"),
    # Most jobs of a busy site are answered from what is kept and hold nothing: what is held is summed at each upload.
    partial_index("ix_jobs_holding", "stored_bytes > 0", "application_id", "stored_bytes"),
)

targets = sa.Table(
    "targets",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("job_id", sa.ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("language", sa.String(16), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("result_key", sa.String(64), nullable=False),
    sa.Column("follows_id", sa.String(40)),
    sa.Column("cached", sa.Boolean, nullable=False, default=False),
    sa.Column("translation", sa.JSON(none_as_null=True)),
    sa.Column("spoken", sa.JSON(none_as_null=True)),
    sa.Column("progress", sa.JSON(none_as_null=True)),
    sa.Column("error", sa.JSON(none_as_null=True)),
    sa.Column("finished_s", sa.Double),
    sa.UniqueConstraint("job_id", "language"),
    sa.Index(None, "result_key", "state"),
    sa.Index(None, "follows_id"),
)

work_items = sa.Table(
    "work_items",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    # Of a job, or of a sample of a voice profile: never both.
    sa.Column("job_id", sa.ForeignKey("jobs.id", ondelete="CASCADE")),
    sa.Column("sample_id", sa.ForeignKey("voice_samples.id", ondelete="CASCADE")),
    sa.Column("target_id", sa.ForeignKey("targets.id", ondelete="CASCADE")),
    sa.Column("stage", sa.String(16), nullable=False),
    sa.Column("batch_key", sa.String(64), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("deadline_s", sa.Double, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    sa.Column("fence", sa.Integer, nullable=False, default=0),
    sa.Column("worker_id", sa.String(64)),
    sa.Column("lease_until_s", sa.Double),
    sa.Column("claimed_s", sa.Double),
    sa.Column("payload", sa.JSON, nullable=False),
    sa.Column("created_s", sa.Double, nullable=False),
    # The job's, for the claims of reserved slots: they look for one plan's work, however much of others waits.
    sa.Column("plan", sa.String(32)),
    # The job's too: 0 has the seats of a batch first. Items of a process that does not know it yet have no such right.
    sa.Column("priority", sa.Integer, nullable=False, server_default="2"),
    sa.Index(None, "state", "deadline_s"),
    sa.Index(None, "batch_key", "state", "deadline_s"),
    partial_index(None, "state = 'ready'", "plan", "deadline_s"),
    partial_index("ix_work_items_first", "state = 'ready' AND priority = 0", "state", "deadline_s"),
    partial_index("ix_work_items_lost", "state = 'ready' AND attempts > 0", "state", "deadline_s"),
    sa.Index(None, "job_id"),
    sa.Index(None, "target_id"),
    sa.Index(None, "sample_id"),
)  # fmt: skip

workers = sa.Table(
    "workers",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("host", sa.String(128), nullable=False),
    sa.Column("pid", sa.Integer, nullable=False),
    sa.Column("started_s", sa.Double, nullable=False),
    sa.Column("seen_s", sa.Double, nullable=False),
    sa.Column("proven_s", sa.Double),
    sa.Column("capabilities", sa.JSON, nullable=False),
    sa.Column("families", sa.JSON, nullable=False, server_default="[]"),
    sa.Column("slots", sa.Integer, nullable=False, server_default="1"),
    # Since when it shall take nothing more; NULL: it takes work.
    sa.Column("draining_s", sa.Double),
    # The release that it runs; NULL: one from before releases told.
    sa.Column("version", sa.String(32)),
)

cached_answers = sa.Table(
    "cached_answers",
    metadata,
    sa.Column("key", sa.String(64), primary_key=True),
    *owner_columns(),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("job_id", sa.String(40)),
    sa.Column("value", sa.JSON, nullable=False),
    sa.Column("expires_s", sa.Double, nullable=False),
    sa.Index(None, "application_id", "user_id"),
    sa.Index(None, "expires_s"),
    sa.Index(None, "job_id"),
)

# What every cache outside the database has to let go of, in the order in which it was erased.

purges = sa.Table(
    "purges",
    metadata,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("at_s", sa.Double, nullable=False),
    *owner_columns(),
    # Empty: everything of the owner.
    sa.Column("job_id", sa.String(40), nullable=False),
    sa.Column("audio_sha256", sa.JSON, nullable=False),
    # Whether the second level, where it is beside the database, has forgotten it.
    sa.Column("forgotten", sa.Boolean, nullable=False),
    sa.Index(None, "at_s"),
    partial_index("ix_purges_open", "NOT forgotten", "id"),
)  # fmt: skip

phrases = sa.Table(
    "phrases",
    metadata,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("source", sa.String(16), nullable=False),
    sa.Column("target", sa.String(16), nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("origin", sa.String(32), nullable=False),
    # What was said, for translating it into other languages too; NULL in rows from before it was kept.
    sa.Column("said", sa.Text),
    # The key of the engine that translated it; empty for the corpus.
    sa.Column("translator", sa.Text, nullable=False, server_default=""),
    sa.Column("quality", sa.String(16), nullable=False, server_default="standard"),
    # The key under which it was counted who said it; NULL for the corpus and what was made from it.
    sa.Column("saying", sa.String(64)),
    # How often it is wanted: a count that fades, see `appliance/cache/decay.py`. NULL: never yet.
    sa.Column("value", sa.Double),
    sa.Column("at_s", sa.Double),
    sa.Column("rank", sa.Double),
    sa.Index(None, "source", "target"),
    sa.Index(None, "source", "rank"),
    sa.Index(None, "origin", "rank"),
)

# Who says what how often, before a phrase may become the site's: hashed, no text.
phrase_sayings = sa.Table(
    "phrase_sayings",
    metadata,
    sa.Column("key", sa.String(64), nullable=False),
    *owner_columns(),
    sa.Column("voice", sa.String(16), nullable=False),
    sa.Column("source", sa.String(16), nullable=False),
    sa.Column("target", sa.String(16), nullable=False),
    sa.Column("value", sa.Double, nullable=False),
    sa.Column("at_s", sa.Double, nullable=False),
    sa.Column("rank", sa.Double, nullable=False),
    sa.PrimaryKeyConstraint("key", "application_id", "user_id", "voice"),
    sa.Index(None, "application_id", "user_id"),
    sa.Index(None, "rank"),
)

# How the library served, by day in UTC and pair.
phrase_days = sa.Table(
    "phrase_days",
    metadata,
    sa.Column("day", sa.String(10), nullable=False),
    sa.Column("source", sa.String(16), nullable=False),
    sa.Column("target", sa.String(16), nullable=False),
    sa.Column("hits", sa.Integer, nullable=False, server_default="0"),
    sa.Column("own_hits", sa.Integer, nullable=False, server_default="0"),
    sa.Column("misses", sa.Integer, nullable=False, server_default="0"),
    sa.Column("size", sa.Integer, nullable=False, server_default="0"),
    sa.PrimaryKeyConstraint("day", "source", "target"),
)

outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("job_id", sa.ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    sa.Column("application_id", sa.String(64), nullable=False),
    sa.Column("sequence", sa.Integer, nullable=False),
    sa.Column("destination", sa.Text, nullable=False),
    sa.Column("receiver", sa.Text, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    sa.Column("fence", sa.Integer, nullable=False, default=0),
    sa.Column("lease_until_s", sa.Double),
    sa.Column("next_attempt_s", sa.Double, nullable=False),
    sa.Column("last_answer", sa.String(32)),
    sa.Column("created_s", sa.Double, nullable=False),
    sa.UniqueConstraint("job_id", "sequence"),
    sa.Index(None, "state", "next_attempt_s"),
    sa.Index(None, "lease_until_s"),
)

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("at_s", sa.Double, nullable=False),
    *owner_columns(),
    sa.Column("action", sa.String(48), nullable=False),
    sa.Column("subject", sa.String(64), nullable=False),
    sa.Column("detail", sa.JSON, nullable=False),
    sa.Index(None, "at_s"),
    # What operators did is little among what was spoken in somebody's voice; `storage/audit.py` asks in these words.
    partial_index("ix_audit_console_at_s", "substr(action, 1, 8) = 'console.'", "at_s"),
)

# Plans, what is used of them, and what the site knows about itself. NULL in a plan's limit means that there is none.
plans = sa.Table(
    "plans",
    metadata,
    sa.Column("name", sa.String(32), primary_key=True),
    sa.Column("sla_s", sa.Double),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("translations_per_month", sa.Integer),
    sa.Column("user_translations_per_month", sa.Integer),
    sa.Column("languages", sa.JSON(none_as_null=True)),
    sa.Column("model_preset", sa.String(64)),
    sa.Column("cloned_voice", sa.Boolean, nullable=False),
    sa.Column("analytics", sa.Boolean, nullable=False),
    sa.Column("reserved_slots", sa.Integer, nullable=False),
    sa.Column("concurrent_jobs", sa.Integer),
    sa.Column("audio_s_per_day", sa.Double),
    sa.Column("stored_bytes", sa.BigInteger),
    sa.Column("requests_per_minute", sa.Integer),
    sa.Column("user_requests_per_minute", sa.Integer),
)

# One row per language of a job, with the target's id: inserted by the transaction that accepts it, completed by the one
# that ends it. Counters instead would be rows that every transaction of an application waits for. It outlives the job.
usage = sa.Table(
    "usage",
    metadata,
    sa.Column("target_id", sa.String(40), primary_key=True),
    *owner_columns(),
    sa.Column("day", sa.String(10), nullable=False),
    sa.Column("translations", sa.Integer, nullable=False),
    sa.Column("cached_answers", sa.Integer, nullable=False),
    sa.Column("audio_s", sa.Double, nullable=False),
    sa.Column("engine_s", sa.Double, nullable=False, default=0.0),
    sa.Column("characters", sa.Integer, nullable=False, default=0),
    sa.Column("deepl_characters", sa.Integer, nullable=False, default=0),
    sa.Column("recording_bytes", sa.BigInteger, nullable=False),
    sa.Column("result_bytes", sa.BigInteger, nullable=False, default=0),
    sa.Index(None, "application_id", "day", "user_id"),
    # What counts against limits is little among what was answered from what is kept; `access/spent.py` asks in
    # these words. The sums are of its own columns, so that they read no rows.
    partial_index(
        "ix_usage_counted",
        "translations > 0 OR audio_s > 0",
        "application_id",
        "day",
        "user_id",
        "translations",
        "audio_s",
    ),
)

site = sa.Table(
    "site",
    metadata,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("value", sa.JSON, nullable=False),
    sa.Column("changed_s", sa.Double, nullable=False),
)

# What the learning will need: one row per thing that happened to a language of a job. It outlives the job, so it has no
# foreign key; see `appliance/jobs/events.py` for what goes when.
events = sa.Table(
    "events",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("at_s", sa.Double, nullable=False),
    *owner_columns(),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("job_id", sa.String(40), nullable=False),
    sa.Column("language", sa.String(16), nullable=False),
    sa.Column("source_language", sa.String(16)),
    sa.Column("variant", sa.String(64)),
    sa.Column("state", sa.String(16)),
    sa.Column("cached", sa.Boolean),
    sa.Column("latency_s", sa.Double),
    sa.Column("wer", sa.Double),
    sa.Column("similarity", sa.Double),
    sa.Column("rating", sa.Integer),
    sa.Column("rating_counts", sa.Boolean, nullable=False),
    sa.Column("detail", sa.JSON, nullable=False),
    sa.Column("comment", sa.Text),
    sa.Column("eta_error_s", sa.Double),
    sa.Index(None, "application_id", "user_id", "at_s"),
    sa.Index(None, "job_id"),
    sa.Index(None, "at_s"),
    partial_index("uq_events_rating_that_counts", "rating_counts", "job_id", "language", unique=True),
)

# Webhooks: destinations that need somebody's attention; one without a row is well.
webhook_destinations = sa.Table(
    "webhook_destinations",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("application_id", sa.String(64), nullable=False),
    sa.Column("destination", sa.Text, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("since_s", sa.Double, nullable=False),
)

# Admission: how long work takes here, as running means over finished batches, per family and length of recording.
stage_rates = sa.Table(
    "stage_rates",
    metadata,
    sa.Column("family", sa.String(16), primary_key=True),
    sa.Column("length", sa.String(16), primary_key=True),
    sa.Column("busy_s", sa.Double, nullable=False),
    sa.Column("stayed_s", sa.Double, nullable=False),
    sa.Column("audio_s", sa.Double, nullable=False),
    sa.Column("changed_s", sa.Double, nullable=False),
)
