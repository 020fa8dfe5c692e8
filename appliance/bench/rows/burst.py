"""A burst of thirty different notes through the whole appliance, against the warm naive chain."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faster_whisper import WhisperModel

from appliance.bench.lab import Lab
from appliance.bench.naive_chain import NaiveChain, Outcome
from appliance.bench.notes import Note, notes
from appliance.bench.over_http import OverHttp, stranger
from appliance.bench.row import Check, Demand, Row, Sides, judged
from appliance.bench.sentence_by_sentence import SentenceBySentence
from appliance.engines.kokoro import Kokoro
from appliance.engines.speaker_encoder import ResemblyzerEncoder
from appliance.errors import ModelMissing
from appliance.receipts.wer import word_error_rate
from appliance.workers.assembly import install_packs

NOTES, QUICK_NOTES = 30, 4
TARGETS = ("fr", "es")
SOURCE = "en"
WER_MARGIN = 0.03
"""How much worse than the naive chain's the appliance's mean word error rates may be, heard and spoken."""


@dataclass(frozen=True, slots=True)
class Quality:
    """Mean word error rates of a burst: of the recordings, and of the spoken translations; and what failed."""

    heard: float
    spoken: float
    failed: int
    cached: int = 0


def burst(lab: Lab, name: str, demand: Demand) -> Row:
    """Measure the time from the first upload until the last audio is there, against one note after the other."""
    kokoro = _kokoro(lab)
    material = notes(
        lab.settings.data_dir / "notes", lab.recordings, kokoro, QUICK_NOTES if lab.quick else NOTES
    )  # fmt: skip
    targets = [TARGETS[number % len(TARGETS)] for number in range(len(material))]
    naive = _naive(lab, kokoro)
    with lab.open_appliance(lab.settings) as running, OverHttp(running) as http:

        def whole_appliance() -> list[dict[str, Any]]:
            names = [stranger() for _ in material]
            asked = zip(material, targets, names, strict=True)
            jobs = [http.submit(note.file, user, target, voice="stock") for note, target, user in asked]
            ended = [http.finished(job, user) for job, user in zip(jobs, names, strict=True)]
            for job, user in zip(ended, names, strict=True):
                if job["targets"][0]["audio_url"]:
                    http.audio(job["targets"][0], user)
            return ended

        def one_by_one() -> list[Outcome]:
            outcomes = []
            for number, (note, target) in enumerate(zip(material, targets, strict=True)):
                outcomes.append(naive.run(note.file, target))
                _saved(lab.settings.data_dir / f"naive-{number:02}.wav", outcomes[-1].audio)
            return outcomes

        timings = lab.timed(name, lab.stopwatch(whole_appliance), lab.stopwatch(one_by_one))
    ours = [_of_jobs(material, sample.output) for sample in timings.a]
    theirs = [_of_outcomes(material, sample.output) for sample in timings.b]
    audio_s = sum(note.duration_s for note in material)
    return judged(
        name,
        demand,
        timings,
        _check(ours, theirs, len(material)),
        Sides(
            a=f"{len(material)} notes ({audio_s:.0f} s of {'human' if lab.recordings else 'Kokoro'} speech, "
            f"{' and '.join(TARGETS)}), each of its own user, uploaded at once, until the last audio is fetched",
            b="decode, transcribe() with its defaults, one sentence per call at beam 4, Kokoro per utterance, "
            "transcribe() of the audio and WER, repeated like ours above the limit, encode",
            threads=f"both: stock voices, Kokoro {lab.threads} threads without spinning, Whisper {lab.threads}; "
            f"translation ours {lab.threads} x 1, naive 1 x 1",
        ),
        {
            "a_s_per_note": min(s.elapsed_s for s in timings.a) / len(material),
            "b_s_per_note": min(s.elapsed_s for s in timings.b) / len(material),
            "a_readings": sum(len(j["targets"][0]["receipt"]["attempts"]) for j in timings.a[0].output
                              if j["targets"][0]["receipt"]),
            "b_readings": sum(outcome.readings for outcome in timings.b[0].output),
        },
    )  # fmt: skip


def _kokoro(lab: Lab) -> Kokoro:
    encoder = ResemblyzerEncoder(
        lab.store.require("speaker-encoder") / "pretrained.pt", lab.store.fingerprint("speaker-encoder")
    )
    folder = lab.model_folder("synthesis")
    return Kokoro(folder / "model.onnx", folder / "voices", encoder, threads=lab.threads)


def _naive(lab: Lab, kokoro: Kokoro) -> NaiveChain:
    packs = install_packs(lab.settings, lab.store)
    translators = {}
    for target in TARGETS:
        pack = packs.find(SOURCE, target)
        if pack is None:
            raise ModelMissing(f"There is no language pack for {SOURCE} to {target}.")
        translators[target] = SentenceBySentence(pack.folder)
    whisper = WhisperModel(
        str(lab.model_folder("transcription")), device="cpu", compute_type="int8", cpu_threads=lab.threads
    )
    return NaiveChain(
        whisper, translators, kokoro, max_wer=lab.settings.max_wer, readings=lab.settings.speak_attempts
    )  # fmt: skip


def _saved(file: Path, audio: bytes) -> None:
    file.write_bytes(audio)


def _of_jobs(material: list[Note], jobs: list[dict[str, Any]]) -> Quality:
    ended = [(note, job, job["targets"][0]) for note, job in zip(material, jobs, strict=True)]
    spoken = [target["receipt"]["wer"] for _, _, target in ended if target["audio_url"]]
    heard = [word_error_rate(note.text, job["source"]["text"] if job["source"] else "") for note, job, _ in ended]
    return Quality(_mean(heard), _mean(spoken), len(ended) - len(spoken), sum(job["cached"] for job in jobs))


def _of_outcomes(material: list[Note], outcomes: list[Outcome]) -> Quality:
    heard = [word_error_rate(note.text, outcome.heard) for note, outcome in zip(material, outcomes, strict=True)]
    return Quality(_mean(heard), _mean([outcome.wer for outcome in outcomes]), 0)


def _check(ours: list[Quality], theirs: list[Quality], count: int) -> Check:
    heard = max(q.heard for q in ours), max(q.heard for q in theirs)
    spoken = max(q.spoken for q in ours), max(q.spoken for q in theirs)
    failed, cached = max(q.failed for q in ours), max(q.cached for q in ours)
    return Check(
        passed=failed == cached == 0 and heard[0] <= heard[1] + WER_MARGIN and spoken[0] <= spoken[1] + WER_MARGIN,
        detail=f"{count - failed} of {count} notes have audio, {cached} cached; mean WER heard {heard[0]:.3f} "
        f"(naive {heard[1]:.3f}), spoken {spoken[0]:.3f} (naive {spoken[1]:.3f}); margin {WER_MARGIN}",
    )


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 1.0
