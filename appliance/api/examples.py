"""The example that the OpenAPI document shows: one message, one language."""

from typing import Any

JSON_REQUEST: dict[str, Any] = {
    "user_id": "alice",
    "audio": "UklGRiQAAABXQVZFZm10IBAAAAABAAEAgD4AAAB9AAACABAAZGF0YQAAAAA=",
    "target_lang": "fr",
    "voice": "speaker",
    "consent": True,
    "format": "mp3",
}

ANSWER: dict[str, Any] = {
    "job_id": "job_3f2a9c51d0e84b7f6a1c2d3e",
    "state": "done",
    "accepted_s": 1767225600.0,
    "finished_s": 1767225603.4,
    "queue_position": None,
    "eta_s": None,
    "source": {
        "language": "en",
        "text": "Good morning, the meeting starts at nine.",
        "duration_s": 2.9,
        "confidence": 0.91,
        "cached": False,
        "segments": [
            {
                "start_s": 0.2,
                "end_s": 2.7,
                "text": "Good morning, the meeting starts at nine.",
                "confidence": 0.91,
                "words": [{"start_s": 0.2, "end_s": 0.5, "text": "Good", "probability": 0.97}],
            }
        ],
    },
    "targets": [
        {
            "language": "fr",
            "state": "done",
            "text": "Bonjour, la réunion commence à neuf heures.",
            "audio_url": "/api/v1/voice/job/job_3f2a9c51d0e84b7f6a1c2d3e/audio/fr",
            "duration_s": 3.1,
            "similarity": 0.74,
            "cached": False,
            "quality": "starter",
            "voice": "matched",
            "voice_notice": "The voice is matched to the speaker, not cloned.",
            "receipt": {"verdict": "accepted", "wer": 0.0, "similarity": 0.74, "route": "argos:en>fr", "seed": 0},
            "error": None,
        }
    ],
    "audio_url": "/api/v1/voice/job/job_3f2a9c51d0e84b7f6a1c2d3e/audio/fr",
    "similarity": 0.74,
    "cached": False,
    "partial_input": False,
    "missing": [],
    "error": None,
    "retried_as": None,
}
