"""Language and text from one encoder pass, against `WhisperModel.transcribe(language=None)`, which encodes twice."""

from faster_whisper import WhisperModel, decode_audio

from appliance.bench.lab import Lab
from appliance.bench.row import Check, Demand, Row, Sides, judged
from appliance.engines.faster_whisper import FasterWhisper
from appliance.engines.protocols import SPEECH_RATE_HZ, Samples, TranscribeRequest, Transcription
from appliance.receipts.wer import word_error_rate

BEAM = 5
CLIPS = ("spk1_snt1", "spk2_snt3", "LJ050-0131")
"""Human recordings heard beside the demo's, where they are at hand: one per speaker, 2 to 8 seconds."""
MOST_DIFFERENCE = 0.05
"""Word error rate between the two texts; the prompts differ in nothing but the order of the same steps."""

Heard = list[tuple[str, str]]


def single_encode(lab: Lab, name: str, demand: Demand) -> Row:
    """Measure single recordings in padded 30 s windows at equal beam."""
    folder = lab.model_folder("transcription")
    ours = FasterWhisper(
        folder, model=folder.name, model_sha256="", threads=lab.threads, beam_size=BEAM, adaptive_window=False
    )
    theirs = WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=lab.threads)
    clips = _clips(lab)

    def one_pass() -> Heard:
        results = [ours.transcribe([TranscribeRequest(clip)])[0] for clip in clips]
        return [_heard(result) for result in results]

    def two_passes() -> Heard:
        heard = []
        for clip in clips:
            segments, about = theirs.transcribe(
                clip, language=None, beam_size=BEAM, without_timestamps=True, condition_on_previous_text=False
            )
            heard.append((about.language, " ".join(segment.text.strip() for segment in segments)))
        return heard

    timings = lab.timed(name, lab.stopwatch(one_pass), lab.stopwatch(two_passes))
    ours.close()
    differences = [_difference(a.output, b.output) for a, b in zip(timings.a, timings.b, strict=True)]
    worst = max(differences)
    return judged(
        name,
        demand,
        timings,
        Check(
            passed=worst <= MOST_DIFFERENCE,
            detail=f"same languages, texts differ by WER {worst:.3f} (at most {MOST_DIFFERENCE})"
            if worst <= 1
            else "the two name different languages",
        ),
        Sides(
            a=f"{len(clips)} recordings, one encoder pass each for language, text and word times",
            b="faster_whisper transcribe(language=None), no timestamps, no VAD",
            threads=f"both: {folder.name} int8, {lab.threads} CTranslate2 threads, beam {BEAM}, 30 s windows",
        ),
        {"audio_s": sum(len(clip) for clip in clips) / SPEECH_RATE_HZ},
    )


def _clips(lab: Lab) -> list[Samples]:
    files = [lab.demo_recording()]
    if lab.recordings and not lab.quick:
        files += [lab.recordings / f"{stem}.wav" for stem in CLIPS]
    return [decode_audio(str(file), sampling_rate=SPEECH_RATE_HZ) for file in files if file.is_file()]


def _heard(result: object) -> tuple[str, str]:
    if isinstance(result, Transcription):
        return result.language, result.text
    raise TypeError(result) if not isinstance(result, Exception) else result


def _difference(ours: Heard, theirs: Heard) -> float:
    """Return the mean word error rate between both sides' texts, infinity where they name different languages."""
    if [language for language, _ in ours] != [language for language, _ in theirs]:
        return float("inf")
    rates = [word_error_rate(b, a) for (_, a), (_, b) in zip(ours, theirs, strict=True)]
    return sum(rates) / len(rates)
