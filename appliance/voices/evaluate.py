"""How much matched voices resemble speakers absent from their basis, by measures that the search never saw too.

    python -m appliance.voices.evaluate --models-dir ~/.cache/meeshy/models --recordings FOLDER --json

Speakers are stock voices left out of the basis, and human recordings. Every method says a sentence that neither the
matching nor the search heard. Similarity is the encoder's (the search climbs it); pitch and MFCC distance are not
seen by the search.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from scipy.io import wavfile

from appliance.engines.kokoro import Kokoro
from appliance.engines.kokoro_match import MatchSettings
from appliance.engines.kokoro_styles import make_voice
from appliance.engines.protocols import Samples, SpeakerEncoder, SpeakRequest, Voice
from appliance.engines.speaker_encoder import ResemblyzerEncoder
from appliance.errors import MeeshyError
from appliance.voices.measures import mfcc_distance, pitch_distance_semitones, speaker_similarity, to_speech_rate
from appliance.voices.refine import refine

RECORDED = "Please bring the blue folder to my office before lunch. I think she would enjoy the view from there."
"""What the left-out stock voices say as the speaker's recording."""
JUDGED = "I will bring the new maps and a thermos, if the weather stays dry."
"""What every method says to be judged."""
LEFT_OUT = (
    "af_nicole",
    "am_michael",
    "am_onyx",
    "bf_emma",
    "ff_siwis",
    "hf_alpha",
    "im_nicola",
    "jf_alpha",
    "zf_xiaoni",
    "zm_yunyang",
)
METHODS = ("mean", "nearest", "matched", "refined")


@dataclass(frozen=True, slots=True)
class Speaker:
    """Somebody to resemble: 16 kHz speech, and the stock voices that the basis must do without."""

    name: str
    samples: Samples
    exclude: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EvaluationRow:
    """One method's voice for one speaker; pitch in semitones without sign, MFCC in dB, None where not measurable."""

    speaker: str
    method: str
    similarity: float
    pitch_semitones: float | None
    mfcc_db: float | None


def stock_speakers(kokoro: Kokoro, names: Iterable[str] = LEFT_OUT) -> list[Speaker]:
    """Return stock voices as speakers, each with a recording of its own and itself left out of the basis."""
    speakers = []
    for name in names:
        (speech,) = kokoro.speak([SpeakRequest(RECORDED, "en", kokoro.stock_voice("en", name))])
        if isinstance(speech, MeeshyError):
            raise speech
        speakers.append(Speaker(name, to_speech_rate(speech.samples, speech.rate_hz), (name,)))
    return speakers


def recorded_speakers(folder: Path) -> list[Speaker]:
    """Return the people of a folder of WAV files, named before the first `_` or `-`; `meeting_*` is left out."""
    clips: dict[str, list[Samples]] = {}
    for path in sorted(folder.glob("*.wav")):
        rate_hz, samples = wavfile.read(path)
        if np.issubdtype(samples.dtype, np.integer):
            samples = samples / np.float32(np.iinfo(samples.dtype).max)
        mono = samples.mean(axis=1) if samples.ndim > 1 else samples
        clips.setdefault(path.stem.replace("-", "_").split("_")[0], []).append(to_speech_rate(mono, rate_hz))
    return [Speaker(name, np.concatenate(parts)) for name, parts in clips.items() if name != "meeting"]


def evaluate(
    kokoro: Kokoro,
    encoder: SpeakerEncoder,
    speakers: Sequence[Speaker],
    language: str = "en",
    judged: str = JUDGED,
    methods: Sequence[str] = METHODS,
    refine_steps: int = 5,
) -> list[EvaluationRow]:
    """Return one row per speaker and method; a refined voice starts from the matched one and has no time limit."""
    rows = []
    for speaker in speakers:
        (goal,) = encoder.embed([speaker.samples])
        if isinstance(goal, MeeshyError):
            raise goal
        for method in methods:
            voice = _voice(kokoro, encoder, speaker, goal, language, method, refine_steps)
            rows.append(_judge(kokoro, encoder, speaker, goal, language, judged, method, voice))
    return rows


def means(rows: Sequence[EvaluationRow]) -> list[EvaluationRow]:
    """Return the mean row of every method over the speakers where a measure exists."""
    found = []
    for method in dict.fromkeys(row.method for row in rows):
        own = [row for row in rows if row.method == method]
        pitch = [row.pitch_semitones for row in own if row.pitch_semitones is not None]
        spectral = [row.mfcc_db for row in own if row.mfcc_db is not None]
        found.append(
            EvaluationRow(
                f"mean of {len(own)}",
                method,
                float(np.mean([row.similarity for row in own])),
                float(np.mean(pitch)) if pitch else None,
                float(np.mean(spectral)) if spectral else None,
            )
        )
    return found


def _voice(
    kokoro: Kokoro,
    encoder: SpeakerEncoder,
    speaker: Speaker,
    goal: Samples,
    language: str,
    method: str,
    refine_steps: int,
) -> Voice:
    facts = kokoro.stock_facts()
    usable = np.array([name not in speaker.exclude for name in facts.names])
    if method == "mean":
        return make_voice("stock", usable / usable.sum(), usable / usable.sum())
    if method == "nearest":
        nearest = np.eye(len(usable))[np.argmax(np.where(usable, facts.embeddings @ goal, -1.0))]
        return make_voice("stock", nearest, nearest)
    matched = kokoro.match_voice([speaker.samples], language, settings=MatchSettings(exclude=speaker.exclude))
    if method == "matched":
        return matched
    return refine(
        kokoro,
        encoder,
        facts,
        speaker.samples,
        language,
        matched,
        steps=refine_steps,
        budget_s=float("inf"),
        exclude=speaker.exclude,
    ).voice


def _judge(
    kokoro: Kokoro,
    encoder: SpeakerEncoder,
    speaker: Speaker,
    goal: Samples,
    language: str,
    judged: str,
    method: str,
    voice: Voice,
) -> EvaluationRow:
    (speech,) = kokoro.speak([SpeakRequest(judged, language, voice)])
    if isinstance(speech, MeeshyError):
        raise speech
    samples = to_speech_rate(speech.samples, speech.rate_hz)
    (heard,) = encoder.embed([samples])
    if isinstance(heard, MeeshyError):
        raise heard
    pitch = pitch_distance_semitones(speaker.samples, samples)
    return EvaluationRow(
        speaker.name,
        method,
        speaker_similarity(heard, goal),
        None if pitch is None else abs(pitch),
        mfcc_distance(speaker.samples, samples),
    )


def as_table(rows: Sequence[EvaluationRow]) -> str:
    """Return the rows as aligned text, one line each."""
    lines = [f"{'speaker':<14}{'method':<10}{'similarity':>11}{'pitch st':>10}{'MFCC dB':>9}"]
    for row in rows:
        pitch = "-" if row.pitch_semitones is None else f"{row.pitch_semitones:.1f}"
        spectral = "-" if row.mfcc_db is None else f"{row.mfcc_db:.1f}"
        lines.append(f"{row.speaker:<14}{row.method:<10}{row.similarity:>11.3f}{pitch:>10}{spectral:>9}")
    return "\n".join(lines)


def main() -> None:
    """Evaluate with the starter models and write the table or one JSON document to standard output."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models-dir", type=Path, required=True)
    parser.add_argument("--recordings", type=Path, help="folder of WAV files named SPEAKER_*.wav")
    parser.add_argument("--steps", type=int, default=5, help="probes of the search per speaker")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    folder = chosen.models_dir / "kokoro-82m-int8"
    encoder = ResemblyzerEncoder(chosen.models_dir / "speaker-encoder" / "pretrained.pt")
    kokoro = Kokoro(folder / "model.onnx", folder / "voices", encoder, chosen.threads)
    speakers = stock_speakers(kokoro) + (recorded_speakers(chosen.recordings) if chosen.recordings else [])
    rows = evaluate(kokoro, encoder, speakers, refine_steps=chosen.steps)
    everything = rows + means(rows)
    document = json.dumps({"rows": [asdict(row) for row in everything]}, indent=2)
    sys.stdout.write((document if chosen.json else as_table(everything)) + "\n")


if __name__ == "__main__":
    main()
