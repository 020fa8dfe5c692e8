"""The examples that the OpenAPI document shows for what operators look at and do."""

from typing import Any

import msgspec

from appliance.admin.action_types import (
    CancelRequest,
    DrainRequest,
    PauseRequest,
    ResumeRequest,
    RetryManyRequest,
    RetryRequest,
    UndrainRequest,
)

_PREFIX = "/api/v1/admin"
_JOB = "job_3f2a9c51d0e84b7f6a1c2d3e"
_OTHER_JOB = "job_77aa9c51d0e84b7f6a1c2d3e"
_LANE: dict[str, Any] = {
    "name": "hear.p0",
    "stage": "hear",
    "depth": 37,
    "running": 2,
    "overdue": 4,
    "oldest_wait_s": 14.2,
    "oldest_of_sla": 1.42,
    "sla_s": 10.0,
    "attainment": 0.93,
    "ended": 412,
    "dead": 1,
}

ACTION_BODIES: dict[str, tuple[type[msgspec.Struct], dict[str, Any]]] = {
    f"{_PREFIX}/lanes/{{lane}}/pause": (PauseRequest, {"reason": "voice model reload", "expected_state": "open"}),
    f"{_PREFIX}/lanes/{{lane}}/resume": (ResumeRequest, {"reason": "", "expected_state": "paused"}),
    f"{_PREFIX}/jobs/{{job}}/cancel": (CancelRequest, {"reason": "sent twice", "expected_state": "open"}),
    f"{_PREFIX}/dead-letters/{{job}}/retry": (RetryRequest, {"reason": "", "expected_state": "dead"}),
    f"{_PREFIX}/dead-letters/retry": (
        RetryManyRequest,
        {"reason": "memory was added", "stage": "synthesize", "error": "worker_lost", "expected_count": 3},
    ),
    f"{_PREFIX}/workers/{{worker}}/drain": (DrainRequest, {"reason": "new driver", "expected_state": "taking"}),
    f"{_PREFIX}/workers/{{worker}}/undrain": (UndrainRequest, {"reason": "", "expected_state": "draining"}),
}
"""Per path the struct of its body and an example."""

ADMIN_EXAMPLES: dict[str, Any] = {
    "Me": {"name": "anna", "role": "operator", "key_id": "0123456789abcdef"},
    "Queue": {
        "server_time_s": 1767225600.0,
        "lanes": [_LANE],
        "jobs": {"open": 39, "done": 412, "partial": 3, "failed": 1, "cancelled": 0},
    },
    "MetricsReport": {
        "server_time_s": 1767225600.0,
        "window_s": 3600.0,
        "figures": [{"name": "latency_p95", "unit": "s", "value": 2.81, "before": 2.4, "change": 0.41}],
    },
    "History": {
        "server_time_s": 1767225600.0,
        "window_s": 3600.0,
        "step_s": 10.0,
        "series": [
            {
                "name": "depth.p0",
                "unit": "items",
                "points": [[1767225580.0, 3.0], [1767225590.0, 2.0]],
                "overall": 2.5,
                "before": 4.0,
                "change": -1.5,
            }
        ],
        "known": ["depth.p0"],
        "scaling": [],
        "scaling_left_out": 0,
    },
    "ActionAnswer": {
        "action_id": "action_5b1d9c51d0e84b7f6a1c2d3e",
        "action": "pause",
        "subject": "hear.p0",
        "state": "pausing",
        "says": "hear.p0 is pausing: workers see it within 3 s, 2 items still run.",
        "running": 2,
        "job_ids": [],
        "failed": {},
        "left": 0,
    },
    "DeadLettersPage": {
        "server_time_s": 1767225600.0,
        "count": 1,
        "dead_letters": [
            {
                "job_id": _JOB,
                "stage": "synthesize",
                "priority": 0,
                "application": "messenger",
                "source_language": "en",
                "failed_languages": ["fr"],
                "audio_s": 38.0,
                "attempts": 3,
                "error": "worker_lost",
                "failed_s": 1767225500.0,
                "failed_ago_s": 100.0,
            }
        ],
        "next_cursor": None,
    },
    "AuditPage": {
        "server_time_s": 1767225600.0,
        "entries": [
            {
                "id": 17,
                "at_s": 1767225590.0,
                "ago_s": 10.0,
                "application": "anna",
                "actor": "key:0123456789abcdef",
                "action": "console.retry",
                "subject": _JOB,
                "result": "done",
                "reason": f"goes on as {_OTHER_JOB}",
            }
        ],
        "next_cursor": None,
    },
}
"""Per component an example of it."""
