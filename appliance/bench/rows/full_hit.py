"""Known requests in an open loop: what an application waits for when everything was answered before."""

from statistics import median
from typing import Any

from appliance.bench.lab import Lab
from appliance.bench.open_loop import Load, arrivals_s, quantile, sent_at
from appliance.bench.over_http import OverHttp, only_target, stranger
from appliance.bench.rounds import Sample
from appliance.bench.row import Check, Demand, Row, Sides, judged

TARGET = "fr"
PER_S = 100.0
RUN_S, QUICK_RUN_S = 20.0, 5.0
MOST_P99_MS = 50.0
LEAST_RATE = 0.98
"""Of the rate asked for: an answer to the last request may come a little after the loop's end."""
ALONE = 50
"""Requests one after the other in a run of B."""
BOUNDARY = "a5b1c2"
ASKED = {"voice": "speaker", "consent": "true"}


def full_hit(lab: Lab, name: str, demand: Demand) -> Row:
    """Measure 100 hits a second that come like independent callers, client and server on the same cores."""
    recording, regular = lab.demo_recording(), stranger()
    loads: list[Load] = []
    with lab.open_appliance(lab.settings) as running, OverHttp(running) as http:
        only_target(http.translate(recording, regular, TARGET, **ASKED))
        request = _request(recording.read_bytes(), regular, running.key)

        def loop() -> Sample:
            run_s = QUICK_RUN_S if lab.quick else RUN_S
            load = sent_at(running.url, request, arrivals_s(PER_S, run_s, seed=len(loads)))
            loads.append(load)
            return Sample(quantile(load.latencies_ms(), 0.5) / 1000, load)

        def alone() -> Sample:
            # Each is due at once: the next one leaves when the one before is answered.
            answers = [sent_at(running.url, request, iter([0.0])) for _ in range(ALONE)]
            return Sample(median(load.latencies_ms()[0] for load in answers) / 1000, None)

        timings = lab.timed(name, loop, alone)
    counted = [sample.output for sample in timings.a]
    figures = _figures(counted)
    return judged(
        name,
        demand,
        timings,
        _check(counted, figures),
        Sides(
            a=f"POST /api/v1/voice/translate of a known recording, {PER_S:.0f} a second in an open loop, p50",
            b=f"the same, one after the other on a new connection each, median of {ALONE}",
            threads="one API process; client on the same cores",
        ),
        figures,
        at_most_ms=figures["p50_ms"],
    )


def _request(recording: bytes, user_id: str, key: str) -> bytes:
    """Return the whole request as it goes over the wire."""
    fields = {"user_id": user_id, "target_lang": TARGET, **ASKED}
    form = "".join(
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    file = 'Content-Disposition: form-data; name="audio"; filename="note.wav"\r\nContent-Type: audio/wav\r\n\r\n'
    body = f"{form}--{BOUNDARY}\r\n{file}".encode() + recording + f"\r\n--{BOUNDARY}--\r\n".encode()
    head = (
        "POST /api/v1/voice/translate HTTP/1.1\r\nHost: appliance\r\n"
        f"Authorization: Bearer {key}\r\nContent-Type: multipart/form-data; boundary={BOUNDARY}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _figures(loads: list[Load]) -> dict[str, float]:
    ordered = sorted(latency for load in loads for latency in load.latencies_ms())
    return {
        **{f"p{share}_ms": quantile(ordered, share / 100) for share in (50, 95, 99)},
        "worst_ms": ordered[-1],
        "rate_per_s": median(load.rate_per_s() for load in loads),
        "requests": float(len(ordered)),
        "connections": float(max(load.connections for load in loads)),
    }


def _check(loads: list[Load], figures: dict[str, float]) -> Check:
    answers = [answer for load in loads for answer in load.answers]
    hits = sum(answer.status == 200 and b'"cached":true' in answer.body for answer in answers)
    jobs = {_job_of(answer.body) for answer in answers}
    # Arrivals are random, so their number is only about what the rate makes of the time.
    asked_per_s = median(len(load.answers) / max(answer.due_s for answer in load.answers) for load in loads)
    kept_up = figures["rate_per_s"] >= LEAST_RATE * asked_per_s
    return Check(
        passed=hits == len(answers) == len(jobs) and figures["p99_ms"] <= MOST_P99_MS and kept_up,
        detail=f"{hits} of {len(answers)} answered from the cache, each a job of its own ({len(jobs)}); "
        f"p99 {figures['p99_ms']:.1f} ms (at most {MOST_P99_MS:.0f}); "
        f"{figures['rate_per_s']:.1f} a second of {asked_per_s:.1f} asked for",
    )


def _job_of(body: bytes) -> Any:
    marker = b'"job_id":"'
    start = body.find(marker) + len(marker)
    return body[start : body.find(b'"', start)]
