"""The tables of voice profiles.

What would tell who somebody is or how they sound is sealed with the profile's own key, which lies in the object store
(`voices/sealing.py`); a row that is moved to another owner or id does not open.
"""

import sqlalchemy as sa

from appliance.storage.tables import metadata, owner_columns

voice_profiles = sa.Table(
    "voice_profiles",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    *owner_columns(),
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
    sa.UniqueConstraint("application_id", "user_id"),
    sa.Index(None, "consent_expires_s"),
)

voice_samples = sa.Table(
    "voice_samples",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("profile_id", sa.ForeignKey("voice_profiles.id", ondelete="CASCADE"), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("origin", sa.String(16), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("object", sa.String(200), nullable=False),
    sa.Column("upload_sha256", sa.String(64), nullable=False),
    sa.Column("idempotency_key", sa.String(128)),
    sa.Column("challenge_id", sa.String(40)),
    sa.Column("duration_s", sa.Double, nullable=False),
    sa.Column("measures", sa.JSON(none_as_null=True)),
    sa.Column("embedding", sa.LargeBinary),
    sa.Column("faults", sa.JSON, nullable=False),
    sa.Column("created_s", sa.Double, nullable=False),
    sa.Column("judged_s", sa.Double),
    sa.UniqueConstraint("profile_id", "idempotency_key"),
    sa.Index(None, "profile_id", "state"),
)

voice_versions = sa.Table(
    "voice_versions",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("profile_id", sa.ForeignKey("voice_profiles.id", ondelete="CASCADE"), nullable=False),
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
    sa.UniqueConstraint("profile_id", "number"),
)

voice_conditionings = sa.Table(
    "voice_conditionings",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("profile_id", sa.ForeignKey("voice_profiles.id", ondelete="CASCADE"), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("synthesizer", sa.String(200), nullable=False),
    sa.Column("language", sa.String(16), nullable=False),
    sa.Column("voice", sa.LargeBinary, nullable=False),
    sa.Column("created_s", sa.Double, nullable=False),
    sa.Column("used_s", sa.Double, nullable=False),
    sa.Index(None, "profile_id", "version"),
)

# What was erased, without saying of whom: enough to erase it again after a restore. `pending` is what is still to do.
voice_tombstones = sa.Table(
    "voice_tombstones",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("owner_digest", sa.String(32), nullable=False),
    sa.Column("profile_digest", sa.String(64), nullable=False),
    sa.Column("reason", sa.String(16), nullable=False),
    sa.Column("erased_s", sa.Double, nullable=False),
    sa.Column("counts", sa.JSON, nullable=False),
    sa.Column("pending", sa.JSON(none_as_null=True)),
    sa.Index(None, "profile_digest"),
)
