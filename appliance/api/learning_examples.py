"""The examples that the OpenAPI document shows for feedback, history and statistics."""

from typing import Any

FEEDBACK: dict[str, Any] = {
    "user_id": "alice",
    "job_id": "job_3f2a9c51d0e84b7f6a1c2d3e",
    "language": "fr",
    "rating": 4,
    "sounds_like_me": True,
    "translation_correct": False,
    "issue": "wrong_words",
    "comment": "It said nine instead of ten.",
    "signals": {"replayed": 2, "listened_s": 3.1},
}
NOTED: dict[str, Any] = {"event_id": "event_5b1d9c51d0e84b7f6a1c2d3e"}
HISTORY: dict[str, Any] = {
    "jobs": [
        {
            "job_id": "job_3f2a9c51d0e84b7f6a1c2d3e",
            "state": "done",
            "accepted_s": 1767225600.0,
            "finished_s": 1767225603.4,
            "source_language": "en",
            "text": None,
            "languages": [{"language": "fr", "state": "done", "cached": False, "rating": 4}],
        }
    ],
    "next_cursor": "WzE3NjcyMjU2MDAuMCwiam9iXzNmMmE5YzUxZDBlODRiN2Y2YTFjMmQzZSJd",
}
_MEASURES: dict[str, Any] = {
    "spoken": 41,
    "cache_hit_rate": 0.2439,
    "latency_s": {"mean": 2.8, "p50": 2.6, "p95": 6.1},
    "computed_latency_s": {"mean": 3.7, "p50": 3.3, "p95": 6.4},
    "wer": 0.06,
    "similarity": 0.71,
    "ratings": 5,
    "rating": 4.2,
}
STATS: dict[str, Any] = {
    "scope": "user",
    "since_s": 1764547200.0,
    "jobs": 40,
    "targets": {
        "waiting": 0,
        "translating": 0,
        "speaking": 1,
        "verifying": 0,
        "finishing": 0,
        "done": 40,
        "needs_review": 1,
        "failed": 2,
        "cancelled": 0,
    },
    **_MEASURES,
    "eta_error_s": {"mean": 0.3, "p50": 0.1, "p95": 1.9},
    "pairs": [{"source": "en", "target": "fr", **_MEASURES}],
}
_LOOK_UPS: dict[str, Any] = {"hits": 62, "own_hits": 11, "misses": 27, "hit_rate": 0.62}
PHRASES: dict[str, Any] = {
    "size": 47812,
    "most": 100000,
    "since_day": "2026-08-03",
    **_LOOK_UPS,
    "pairs": [
        {
            "source": "en",
            "target": "fr",
            "size": 12604,
            "corpus": 11893,
            "used": 640,
            "ahead": 71,
            **_LOOK_UPS,
            "days": [{"day": "2026-08-31", "size": 12604, **_LOOK_UPS}],
        }
    ],
}
