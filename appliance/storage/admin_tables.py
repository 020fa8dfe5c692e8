"""The tables behind the console: lanes that are paused, actions, figures over time, what GPUs said and pools did."""

import sqlalchemy as sa

from appliance.storage.tables import metadata

lane_pauses = sa.Table(
    "lane_pauses",
    metadata,
    sa.Column("family", sa.String(16), nullable=False),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("since_s", sa.Double, nullable=False),
    sa.Column("actor", sa.String(128), nullable=False),
    sa.Column("reason", sa.String(200), nullable=False),
    sa.PrimaryKeyConstraint("family", "priority"),
)

# What an action came to, for a repetition with the same key: kept for a day.
admin_actions = sa.Table(
    "admin_actions",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("key_id", sa.String(32), nullable=False),
    sa.Column("idempotency_key", sa.String(128), nullable=False),
    sa.Column("at_s", sa.Double, nullable=False),
    sa.Column("request_sha256", sa.String(64), nullable=False),
    # Either what was answered, or what it was refused with; neither as long as an action has only begun.
    sa.Column("answer", sa.JSON(none_as_null=True)),
    sa.Column("refusal", sa.JSON(none_as_null=True)),
    sa.UniqueConstraint("key_id", "idempotency_key"),
    sa.Index(None, "at_s"),
)

# What a process counted since it last told; the one that writes the history takes these rows away.
tallies = sa.Table(
    "tallies",
    metadata,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("at_s", sa.Double, nullable=False),
    sa.Column("document", sa.JSON, nullable=False),
    sa.Index(None, "at_s"),
)

# One row per step of time with everything that was measured in it; steps of several lengths lie side by side.
history = sa.Table(
    "history",
    metadata,
    sa.Column("step_s", sa.Integer, nullable=False),
    sa.Column("at_s", sa.BigInteger, nullable=False),
    sa.Column("document", sa.JSON, nullable=False),
    sa.PrimaryKeyConstraint("step_s", "at_s"),
)

# What the GPUs of each host said last: one row per host, see `appliance/gpus/`.
gpu_readings = sa.Table(
    "gpu_readings",
    metadata,
    sa.Column("host", sa.String(128), primary_key=True),
    sa.Column("read_s", sa.Double, nullable=False),
    sa.Column("reading", sa.JSON, nullable=False),
)

# The pool: what it did to the worker processes of each host, and why.
pool_actions = sa.Table(
    "pool_actions",
    metadata,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("at_s", sa.Double, nullable=False),
    sa.Column("host", sa.String(128), nullable=False),
    sa.Column("device", sa.String(32), nullable=False),
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("action", sa.String(16), nullable=False),
    sa.Column("pid", sa.Integer),
    sa.Column("reason", sa.String(200), nullable=False),
    sa.Index(None, "at_s"),
)
