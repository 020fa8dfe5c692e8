"""XTTS's text-to-codes stage for several speakers in one pass, against the library's own call for each."""

import tempfile
from pathlib import Path

from appliance.bench.lab import Lab
from appliance.bench.rounds import Sample, Turn
from appliance.bench.row import Check, Demand, Row, Sides, judged
from appliance.bench.xtts_environment import LineProcess, in_environment, write_toy

CODES = 150
"""Every row takes so many: the toy never ends by itself, so that both sides do the same work."""
QUICK_CODES = 130


def four(lab: Lab, name: str, demand: Demand) -> Row:
    """Measure four rows."""
    return _measured(lab, name, demand, 4)


def eight(lab: Lab, name: str, demand: Demand) -> Row:
    """Measure eight rows."""
    return _measured(lab, name, demand, 8)


def _measured(lab: Lab, name: str, demand: Demand, rows: int) -> Row:
    codes = QUICK_CODES if lab.quick else CODES
    with tempfile.TemporaryDirectory(prefix="meeshy-bench-xtts-") as place:
        write_toy(lab.settings, Path(place), codes)
        process_file = Path(__file__).resolve().parents[1] / "xtts_stage_process.py"
        with in_environment(lab.settings, process_file, place, threads=lab.threads) as process:
            timings = lab.timed(name, _turn(process, rows, together=True), _turn(process, rows, together=False))
    outputs = {sample.output for sample in (*timings.a, *timings.b)}
    return judged(
        name,
        demand,
        timings,
        Check(
            passed=len(outputs) == 1,
            detail=f"the codes of all rows are {'identical' if len(outputs) == 1 else 'different'}",
        ),
        Sides(
            a=f"{rows} speakers, languages and texts in one masked pass, greedy",
            b=f"coqui-tts gpt.generate, one call after the other, {rows} times",
            threads=f"both: toy XTTS of 2 layers x 64 channels, {lab.threads} torch threads",
        ),
        {"a_ms_per_row": 1000 * min(sample.elapsed_s for sample in timings.a) / rows},
    )


def _turn(process: LineProcess, rows: int, *, together: bool) -> Turn:
    def turn() -> Sample:
        answer = process.ask({"rows": rows, "together": together})
        return Sample(answer["elapsed_s"], answer["codes"])

    return turn
