"""The whole way through the API, against the same engine work called directly in one process."""

from typing import Any

from appliance.bench.lab import Lab
from appliance.bench.over_http import OverHttp, only_target, stranger
from appliance.bench.raw_pipeline import RawOutcome, RawPipeline
from appliance.bench.row import Check, Demand, Row, Sides, judged
from appliance.storage.database import Database
from appliance.workers.assembly import assemble
from appliance.workers.roles import FAMILIES

TARGET = "fr"
ASKED = {"voice": "speaker", "consent": "true"}


def api_overhead(lab: Lab, name: str, demand: Demand) -> Row:
    """Measure a new user's upload until its audio is back, against decode to encode without rows and queues."""
    recording = lab.demo_recording()
    database = Database(f"sqlite:///{lab.settings.data_dir / 'raw.sqlite3'}")
    engines = assemble(lab.settings, database)
    engines.warm(FAMILIES)
    raw = RawPipeline(engines.context.engines)
    try:
        with lab.open_appliance(lab.settings) as running, OverHttp(running) as http:

            def through_api() -> tuple[dict[str, Any], int]:
                user = stranger()
                target = only_target(http.translate(recording, user, TARGET, **ASKED))
                return target, len(http.audio(target, user))

            def directly() -> RawOutcome:
                return raw.run(recording, TARGET)

            timings = lab.timed(name, lab.stopwatch(through_api), lab.stopwatch(directly))
    finally:
        engines.close()
        database.close()
    ours, theirs = [sample.output for sample in timings.a], [sample.output for sample in timings.b]
    texts = {target["text"] for target, _ in ours} | {outcome.text for outcome in theirs}
    sizes = {size for _, size in ours} | {len(outcome.audio) for outcome in theirs}
    cached = sum(target["cached"] for target, _ in ours)
    readings = {len(target["receipt"]["attempts"]) for target, _ in ours}
    extra_ms = 1000 * (_middle([s.elapsed_s for s in timings.a]) - _middle([s.elapsed_s for s in timings.b]))
    return judged(
        name,
        demand,
        timings,
        Check(
            passed=len(texts) == 1 and len(sizes) == 1 and readings == {1} and not cached,
            detail=f"{len(texts)} different text(s), audio of {len(sizes)} different length(s), readings per job "
            f"{sorted(readings)}, {cached} cached",
        ),
        Sides(
            a="POST, job, stages, GET of the audio; a user nobody has seen, matched voice",
            b="decode, transcribe, translate and back, match, speak, verify, measure, encode, called directly",
            threads=f"both: {lab.threads} per engine, translation {lab.threads} x 1, no spinning",
        ),
        {"extra_ms": extra_ms},
    )


def _middle(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]
