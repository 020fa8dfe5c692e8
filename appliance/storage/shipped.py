"""The plans that every database starts with. A site edits them; what it edited is never overwritten."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from appliance.storage.tables import plans

_NO_LIMITS: dict[str, Any] = {
    "translations_per_month": None,
    "user_translations_per_month": None,
    "languages": None,
    "model_preset": None,
    "concurrent_jobs": None,
    "audio_s_per_day": None,
    "stored_bytes": None,
    "requests_per_minute": None,
    "user_requests_per_minute": None,
}

SHIPPED_PLANS: tuple[dict[str, Any], ...] = (
    _NO_LIMITS
    | {
        "name": "free", "sla_s": 30.0, "priority": 2, "translations_per_month": 50, "languages": ["en", "es", "fr"],
        "cloned_voice": False, "analytics": False, "reserved_slots": 0, "concurrent_jobs": 2, "audio_s_per_day": 600.0,
        "stored_bytes": 100_000_000, "requests_per_minute": 60, "user_requests_per_minute": 20,
    },
    _NO_LIMITS
    | {
        "name": "pro", "sla_s": 10.0, "priority": 1, "translations_per_month": 500,
        "cloned_voice": True, "analytics": False, "reserved_slots": 0, "concurrent_jobs": 5, "audio_s_per_day": 7200.0,
        "stored_bytes": 1_000_000_000, "requests_per_minute": 120, "user_requests_per_minute": 60,
    },
    _NO_LIMITS
    | {
        "name": "business", "sla_s": 5.0, "priority": 0, "translations_per_month": 5000,
        "cloned_voice": True, "analytics": True, "reserved_slots": 0, "concurrent_jobs": 20,
        "audio_s_per_day": 36_000.0, "stored_bytes": 20_000_000_000, "requests_per_minute": 600,
        "user_requests_per_minute": 120,
    },
    _NO_LIMITS
    | {
        "name": "enterprise", "sla_s": 3.0, "priority": 0, "cloned_voice": True, "analytics": True, "reserved_slots": 1,
    },
)  # fmt: skip


def add_shipped(connection: sa.Connection) -> None:
    """Add those shipped rows that are missing."""
    insert = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(plans)
    connection.execute(insert.on_conflict_do_nothing(index_elements=["name"]), list(SHIPPED_PLANS))
