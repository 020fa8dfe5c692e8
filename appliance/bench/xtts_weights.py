"""`meeshy bench voice --weights DIR`: what only XTTS-v2's real weights can show, measured and printed as a table."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Group
from rich.table import Table
from rich.text import Text

from appliance.catalog.hashing import sha256_of
from appliance.catalog.model import Model
from appliance.clock import Clock, SystemClock
from appliance.engines.protocols import Samples, SpeakerEncoder, SpeakRequest, Speech, Transcriber, TranscribeRequest
from appliance.engines.xtts import Xtts
from appliance.errors import MeeshyError, ModelCorrupt, ModelMissing
from appliance.receipts.wer import word_error_rate
from appliance.voices.evaluate import Speaker
from appliance.voices.measures import speaker_similarity, to_speech_rate

SENTENCES = {
    "de": "Die Besprechung beginnt morgen früh um neun Uhr, bitte bring die neuen Pläne mit.",
    "en": "The meeting starts tomorrow morning at nine, please bring the new plans with you.",
    "es": "La reunión empieza mañana a las nueve de la mañana, trae por favor los planos nuevos.",
    "fr": "La réunion commence demain matin à neuf heures, apporte les nouveaux plans s'il te plaît.",
    "it": "La riunione comincia domani mattina alle nove, porta per favore i nuovi disegni.",
    "pt": "A reunião começa amanhã de manhã às nove, traga por favor os novos planos.",
}
GROWTH_CALLS = 200
NOT_SHOWN = (
    "Without XTTS-v2's weights this did not show: how like a speaker it sounds, how well it is understood, how often "
    "the gate refuses a reading, first sound and speed on real sentences. `--weights DIR` does."
)


@dataclass(frozen=True, slots=True)
class VoiceRow:
    """One language, all speakers: means, and the share of readings that the gate found fault with in the end."""

    language: str
    speakers: int
    similarity: float
    wer: float
    faulty: float
    real_time: float
    """Seconds of speech made in a second, all speakers in one batch."""


def require_weights(model: Model, folder: Path) -> None:
    """Raise ModelMissing or ModelCorrupt unless the folder holds the catalog's files of the model."""
    for file in model.files:
        path = folder / file.path
        if not path.is_file():
            raise ModelMissing(f"{path} is missing; {model.id} has {', '.join(each.path for each in model.files)}.")
        found = sha256_of(path)
        if found != file.sha256:
            raise ModelCorrupt(f"{path} has sha256 {found} instead of the catalog's {file.sha256}.")


def weights_report(
    engine: Xtts,
    encoder: SpeakerEncoder,
    transcriber: Transcriber,
    speakers: Sequence[Speaker],
    *,
    languages: Sequence[str] = tuple(SENTENCES),
    growth_calls: int = GROWTH_CALLS,
    clock: Clock | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> tuple[dict[str, Any], Group]:
    """Return voices by language, conditioning, first sound and growth, as plain data and for people."""
    clock = clock or SystemClock()
    say("conditioning")
    started_s = clock.monotonic_s()
    voices = [engine.match_voice([speaker.samples], "en") for speaker in speakers]
    conditioning_s = (clock.monotonic_s() - started_s) / len(speakers)
    rows = []
    for language in languages:
        say(f"speaking {language}")
        started_s = clock.monotonic_s()
        spoken = engine.speak([SpeakRequest(SENTENCES[language], language, voice) for voice in voices])
        elapsed_s = clock.monotonic_s() - started_s
        rows.append(_row(language, speakers, spoken, elapsed_s, encoder, transcriber))
    say("streaming")
    first_s, whole_s = _first_sound(engine, SpeakRequest(SENTENCES["en"], "en", voices[0]), clock)
    say(f"{growth_calls} calls")
    before = engine.status()["resident_bytes"]
    for seed in range(growth_calls):
        engine.speak([SpeakRequest(SENTENCES["en"], "en", voices[seed % len(voices)], seed)])
    status = engine.status()
    facts = {
        "rows": [{name: getattr(row, name) for name in VoiceRow.__slots__} for row in rows],
        "conditioning_s": conditioning_s,
        "first_sound_s": first_s,
        "whole_s": whole_s,
        "growth_calls": growth_calls,
        "growth_bytes": status["resident_bytes"] - before,
        "conditionings": status["conditionings"],
        "sentences": status["utterances"],
    }
    return facts, as_table(rows, facts)


def as_table(rows: Sequence[VoiceRow], facts: dict[str, Any]) -> Group:
    """Return the measurements for people."""
    table = Table(box=None, pad_edge=False)
    for heading in ("language", "speakers", "similarity", "WER", "faulty", "x real time"):
        table.add_column(heading, justify="left" if heading == "language" else "right")
    for row in rows:
        table.add_row(
            row.language, str(row.speakers), f"{row.similarity:.3f}", f"{row.wer:.3f}", f"{row.faulty:.0%}",
            f"{row.real_time:.2f}",
        )  # fmt: skip
    lines = (
        f"conditioning: {facts['conditioning_s']:.2f} s a speaker, {facts['conditionings']} times for "
        f"{facts['sentences']} sentences",
        f"stream: first sound after {facts['first_sound_s']:.2f} s of {facts['whole_s']:.2f} s",
        f"memory after {facts['growth_calls']} calls: {facts['growth_bytes'] / 2**20:+.1f} MiB",
    )
    return Group(table, *map(Text, lines))


def _row(
    language: str, speakers: Sequence[Speaker], spoken: Sequence[Speech | MeeshyError], elapsed_s: float,
    encoder: SpeakerEncoder, transcriber: Transcriber,
) -> VoiceRow:  # fmt: skip
    heard = [_speech(each) for each in spoken]
    at_16k = [to_speech_rate(speech.samples, speech.rate_hz) for speech in heard]
    likeness = [
        speaker_similarity(_embedding(encoder, speaker.samples), _embedding(encoder, sound))
        for speaker, sound in zip(speakers, at_16k, strict=True)
    ]
    texts = transcriber.transcribe([TranscribeRequest(sound, language) for sound in at_16k])
    errors = [
        1.0 if isinstance(text, MeeshyError) else word_error_rate(SENTENCES[language], text.text) for text in texts
    ]
    return VoiceRow(
        language=language, speakers=len(speakers), similarity=float(np.mean(likeness)), wer=float(np.mean(errors)),
        faulty=sum(bool(speech.faults) for speech in heard) / len(heard),
        real_time=sum(len(speech.samples) / speech.rate_hz for speech in heard) / elapsed_s,
    )  # fmt: skip


def _first_sound(engine: Xtts, request: SpeakRequest, clock: Clock) -> tuple[float, float]:
    started_s = clock.monotonic_s()
    pieces = engine.stream(request)
    next(pieces)
    first_s = clock.monotonic_s() - started_s
    for _ in pieces:
        pass
    return first_s, clock.monotonic_s() - started_s


def _speech(result: Speech | MeeshyError) -> Speech:
    if isinstance(result, MeeshyError):
        raise result
    return result


def _embedding(encoder: SpeakerEncoder, samples: Samples) -> Samples:
    (found,) = encoder.embed([samples])
    if isinstance(found, MeeshyError):
        raise found
    return found
