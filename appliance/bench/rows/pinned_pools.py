"""The translation stage inside the chain's process: thread pools pinned as the appliance does, against defaults."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Literal

import msgspec

from appliance.bench.chain_process import Chain, Pass
from appliance.bench.lab import Lab
from appliance.bench.rounds import Sample, Turn
from appliance.bench.row import Check, Demand, Row, Sides, judged
from appliance.errors import CommandFailed, ModelMissing
from appliance.workers.assembly import install_packs

SOURCE, TARGET = "en", "fr"
CLIPS = ("spk1_snt1", "spk2_snt4", "spk1_snt5")
"""Human recordings that go through the chain beside the demo's, where they are at hand."""


def pinned_pools(lab: Lab, name: str, demand: Demand) -> Row:
    """Measure the same calls in two processes of the same build, one chain at a time."""
    pack = install_packs(lab.settings, lab.store).find(SOURCE, TARGET)
    if pack is None:
        raise ModelMissing(f"There is no language pack for {SOURCE} to {TARGET}.")

    def chain(pools: Literal["pinned", "default"]) -> Chain:
        return Chain(
            pools=pools, threads=lab.threads, whisper=str(lab.model_folder("transcription")), pack=str(pack.folder),
            kokoro=str(lab.model_folder("synthesis")), source=SOURCE, target=TARGET,
        )  # fmt: skip

    recordings = _recordings(lab)
    with _process(chain("pinned")) as ours, _process(chain("default")) as theirs:
        timings = lab.timed(name, _turn(ours, recordings), _turn(theirs, recordings))
    same = all(
        [one.text for one in a.output] == [other.text for other in b.output]
        for a, b in zip(timings.a, timings.b, strict=True)
    )
    whole = [median(sum(each.chain_ms for each in sample.output) for sample in side) for side in (timings.a, timings.b)]
    return judged(
        name,
        demand,
        timings,
        Check(passed=same, detail=f"the {len(recordings)} translations are {'identical' if same else 'different'}"),
        Sides(
            a="translation stage of the chain: one sentence per call, beam 4",
            b="the same calls with every library's default pools",
            threads=f"A: Whisper {lab.threads}, translation 1 x 1, onnxruntime {lab.threads} without spinning. "
            "B: cpu_threads=0, intra_threads=0, onnxruntime's own with spinning",
        ),
        {"whole_chain_a_ms": whole[0], "whole_chain_b_ms": whole[1], "whole_chain_ratio": whole[1] / whole[0]},
    )


def _recordings(lab: Lab) -> list[Path]:
    files = [lab.demo_recording()]
    if lab.recordings:
        files += [lab.recordings / f"{stem}.wav" for stem in CLIPS]
    return [file for file in files if file.is_file()]


def _turn(process: "subprocess.Popen[bytes]", recordings: list[Path]) -> Turn:
    def turn() -> Sample:
        passes = [_asked(process, recording) for recording in recordings]
        return Sample(sum(each.translate_ms for each in passes) / 1000, passes)

    return turn


def _asked(process: "subprocess.Popen[bytes]", recording: Path) -> Pass:
    if process.stdin is None or process.stdout is None:
        raise TypeError("the chain's process needs both pipes")
    process.stdin.write(f"{recording}\n".encode())
    process.stdin.flush()
    line = process.stdout.readline()
    if not line:
        raise CommandFailed("The chain's process ended; its reason is above.")
    return msgspec.json.decode(line, type=Pass)


@contextmanager
def _process(chain: Chain) -> Iterator["subprocess.Popen[bytes]"]:
    # Without the caller's own OpenMP settings: the defaults are what is measured.
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("OMP_", "KMP_"))}
    process = subprocess.Popen(
        [sys.executable, "-m", "appliance.bench.chain_process", msgspec.json.encode(chain).decode()],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.stdin is not None:
            process.stdin.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
