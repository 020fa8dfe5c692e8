"""A repeated request, answered from the cache, against the same request made for the first time, both over HTTP."""

import hashlib
from statistics import median
from typing import Any

from appliance.bench.lab import Lab
from appliance.bench.over_http import OverHttp, only_target, stranger
from appliance.bench.rounds import Sample
from appliance.bench.row import Check, Demand, Row, Sides, judged

TARGET = "fr"
HITS = 50
"""Hits in one run: a single one of a few milliseconds would measure the scheduler."""
MOST_P50_MS = 50.0
ASKED = {"voice": "speaker", "consent": "true"}


def cache_hit(lab: Lab, name: str, demand: Demand) -> Row:
    """Measure hits of one user's request against misses of users who never asked."""
    recording, regular = lab.demo_recording(), stranger()
    hits_ms: list[float] = []
    with lab.open_appliance(lab.settings) as running, OverHttp(running) as http:
        first = only_target(http.translate(recording, regular, TARGET, **ASKED))
        audio = _digest(http.audio(first, regular))

        def hits() -> Sample:
            answers = []
            for _ in range(HITS):
                started_s = lab.clock.monotonic_s()
                answers.append(http.translate(recording, regular, TARGET, **ASKED))
                hits_ms.append(1000 * (lab.clock.monotonic_s() - started_s))
            return Sample(median(hits_ms[-HITS:]) / 1000, answers)

        def miss() -> dict[str, Any]:
            return http.translate(recording, stranger(), TARGET, **ASKED)

        timings = lab.timed(name, hits, lab.stopwatch(miss))
        answers = [answer for sample in timings.a for answer in sample.output]
        cached = all(answer["cached"] for answer in answers)
        same = all(_digest(http.audio(only_target(sample.output[-1]), regular)) == audio for sample in timings.a)
        fresh = not any(sample.output["cached"] for sample in timings.b)
    p50_ms = median(hits_ms)
    return judged(
        name,
        demand,
        timings,
        Check(
            passed=cached and same and fresh and p50_ms < MOST_P50_MS,
            detail=f"hits: cached {cached}, same audio {same}, p50 {p50_ms:.1f} ms (below {MOST_P50_MS:.0f}); "
            f"no miss cached {fresh}",
        ),
        Sides(
            a=f"POST /api/v1/voice/translate of a known recording, median of {HITS}",
            b="the same POST by a user nobody has seen",
            threads=f"worker: {lab.threads}",
        ),
        {"hit_p50_ms": p50_ms, "hit_p95_ms": sorted(hits_ms)[int(0.95 * len(hits_ms))]},
    )


def _digest(audio: bytes) -> str:
    return hashlib.sha256(audio).hexdigest()
