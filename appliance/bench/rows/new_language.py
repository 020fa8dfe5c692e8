"""A known recording in a further language, against the same language for a recording that nobody has sent."""

from typing import Any

from appliance.bench.lab import Lab
from appliance.bench.over_http import OverHttp, only_target, stranger
from appliance.bench.row import Check, Demand, Row, Sides, judged

KNOWN, NEW = "fr", "es"
ASKED = {"voice": "speaker", "consent": "true"}


def new_language(lab: Lab, name: str, demand: Demand) -> Row:
    """Measure the second language of a recording against a first request for that language."""
    recording = lab.demo_recording()
    with lab.open_appliance(lab.settings) as running, OverHttp(running) as http:

        def known_user() -> str:
            user = stranger()
            only_target(http.translate(recording, user, KNOWN, **ASKED))
            return user

        def further(user: str) -> dict[str, Any]:
            return http.translate(recording, user, NEW, **ASKED)

        def cold() -> dict[str, Any]:
            return http.translate(recording, stranger(), NEW, **ASKED)

        timings = lab.timed(name, lab.stopwatch(further, known_user), lab.stopwatch(cold))
        ours, theirs = [s.output for s in timings.a], [s.output for s in timings.b]
        listened = [http.listened(job) for job in ours], [http.listened(job) for job in theirs]
    texts = {only_target(job)["text"] for job in ours + theirs}
    heard_once = set(listened[0]) == {0} and set(listened[1]) == {1}
    return judged(
        name,
        demand,
        timings,
        Check(
            passed=heard_once and len(texts) == 1,
            detail=f"transcriptions of the recording: ours {sum(listened[0])} in {len(ours)} jobs, cold "
            f"{sum(listened[1])} in {len(theirs)}; {len(texts)} different text(s)",
        ),
        Sides(
            a=f"POST for {NEW} after {KNOWN} of the same recording",
            b=f"POST for {NEW} by a user nobody has seen",
            threads=f"worker: {lab.threads}",
        ),
    )
