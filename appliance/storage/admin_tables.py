"""The tables behind the console: lanes that are paused, actions, and what figures were over time."""

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
    # Either what was answered, or what it was refused with.
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
