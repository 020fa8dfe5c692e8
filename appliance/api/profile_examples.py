"""The examples that the OpenAPI document shows for voice profiles."""

from typing import Any

_STATEMENT = (
    "My name is Alice Martin. I agree that my voice is recorded and kept, and that it speaks translations of my "
    "messages. The purpose is: voice messages to our customers. I can take this consent back at any time, and then my "
    "recordings and my voice are erased. My words for today are: orange window tiger pocket river."
)
PROFILE_REQUEST: dict[str, Any] = {
    "subject": "Alice Martin",
    "purpose": "voice messages to our customers",
    "languages": ["fr", "es"],
    "days": 365,
    "statement_language": "en",
}
SAMPLE_REQUEST: dict[str, Any] = {
    "audio": "UklGRiQAAABXQVZFZm10IBAAAAABAAEAgD4AAAB9AAACABAAZGF0YQAAAAA=",
    "kind": "consent",
}
SAMPLE: dict[str, Any] = {
    "sample_id": "sample_7c2d9c51d0e84b7f6a1c2d3e",
    "kind": "consent",
    "origin": "upload",
    "state": "accepted",
    "duration_s": 19.4,
    "created_s": 1767225660.0,
    "judged_s": 1767225664.2,
    "measures": {
        "speech_s": 17.2,
        "snr_db": 31.5,
        "clipping_ratio": 0.0,
        "bandwidth_hz": 7500.0,
        "similarity": None,
    },
    "reasons": [],
}
PROFILE: dict[str, Any] = {
    "profile_id": "voice_3f2a9c51d0e84b7f6a1c2d3e",
    "state": "active",
    "usable": True,
    "why_not": None,
    "version": 1,
    "level": "basic",
    "clean_speech_s": 17.2,
    "created_s": 1767225600.0,
    "challenge": None,
    "consent": {
        "subject": "Alice Martin",
        "purpose": "voice messages to our customers",
        "languages": ["fr", "es"],
        "statement": _STATEMENT,
        "statement_language": "en",
        "given_s": 1767225664.2,
        "expires_s": 1798761664.2,
        "word_error_rate": 0.02,
    },
    "samples": [SAMPLE],
    "versions": [
        {
            "version": 1,
            "state": "in_force",
            "level": "basic",
            "clean_speech_s": 17.2,
            "stability": 0.0,
            "similarity": None,
            "similarity_before": None,
            "created_s": 1767225664.2,
        }
    ],
}
ERASED: dict[str, Any] = {
    "tombstone_id": "tomb_5b1d9c51d0e84b7f6a1c2d3e",
    "erased_s": 1767312000.0,
    "counts": {
        "jobs_cancelled": 1,
        "results": 12,
        "samples": 4,
        "versions": 4,
        "conditionings": 2,
        "cached_answers": 20,
        "keys": 1,
        "consents": 1,
    },
    "complete": True,
}

USER_ERASED: dict[str, Any] = {
    "erasure_id": "erasure_9c51d0e84b7f6a1c2d3e5b1d",
    "erased_s": 1767312000.0,
    "counts": {"jobs": 31, "jobs_cancelled": 1, "phrases_withdrawn": 0, "events": 44, "cached_answers": 3},
    "voice": ERASED,
    "complete": True,
}
