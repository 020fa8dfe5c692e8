"""Voice notes to measure with: human recordings where there are some, else sentences spoken with stock voices.

Their sentences stand in no phrase library, so every note goes through the translation models.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations, zip_longest
from pathlib import Path

import numpy as np
from scipy.io import wavfile

from appliance.audio.pcm import pcm_of
from appliance.audio.wav import wav_bytes
from appliance.engines.kokoro import Kokoro
from appliance.engines.protocols import SPEECH_RATE_HZ, Samples, SpeakRequest
from appliance.errors import CommandFailed, MeeshyError
from appliance.voices.measures import to_speech_rate
from models.packs.phrases import RECORDINGS_ORIGIN, load_base

HUMAN_TEXTS = {
    "jfk": "And so, my fellow Americans: ask not what your country can do for you, "
    "ask what you can do for your country.",
    "LJ050-0131": "Unless a system is established for the frequent, formal review of activities thereunder. "
    "In this regard",
    "spk1_snt1": "The child almost hurt the small dog.",
    "spk1_snt2": "Drop the two when you add the figures.",
    "spk1_snt5": "Sunday is the best part of the week.",
    "spk1_snt6": "The pencils have all been used.",
    "spk2_snt1": "We are sure that one war is enough.",
    "spk2_snt2": "What joy there is in living.",
    "spk2_snt3": "Tear a thin sheet from the yellow pad.",
    "spk2_snt4": "Mend the coat before you go out.",
    "spk2_snt5": "Jump the fence and hurry up the bank.",
    "spk2_snt6": "Canned pears lack full flavor.",
}
"""What is said in the recordings of the shared data folder, by file name; its README lists speakers and licences."""

BREATH_S = 0.7
"""Silence between the sentences of a joined note."""
CORPUS = Path(__file__).resolve().parents[2] / "models" / "corpus"


@dataclass(frozen=True, slots=True)
class Note:
    """A voice note in a file, and what is said in it."""

    file: Path
    text: str
    duration_s: float


def notes(folder: Path, recordings: Path | None, kokoro: Kokoro, count: int) -> list[Note]:
    """Write that many different English notes into a folder: human ones if there are recordings, else spoken ones."""
    found = _human(recordings) if recordings else _spoken(kokoro)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for (text, samples), number in zip(found, range(count), strict=False):
        file = folder / f"note-{number:02}.wav"
        file.write_bytes(wav_bytes(pcm_of(samples)))
        written.append(Note(file, text, len(samples) / SPEECH_RATE_HZ))
    if len(written) < count:
        raise CommandFailed(f"There is material for {len(written)} notes only, {count} are needed.")
    return written


def joinings(stems: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Yield what notes are made of: every recording alone, then ordered pairs of one speaker's, speakers by turns.

    A speaker is what stands before the first `_` of a name; names without one are not joined.
    """
    yield from ((stem,) for stem in stems)
    speakers = dict.fromkeys(stem.split("_")[0] for stem in stems if "_" in stem)
    queues = [
        deque(permutations([stem for stem in stems if stem.startswith(f"{speaker}_")], 2)) for speaker in speakers
    ]
    for turn in zip_longest(*queues):
        yield from (pair for pair in turn if pair is not None)


def _human(recordings: Path) -> Iterator[tuple[str, Samples]]:
    loaded = {stem: _read(recordings / f"{stem}.wav") for stem in HUMAN_TEXTS if (recordings / f"{stem}.wav").is_file()}
    breath = np.zeros(round(BREATH_S * SPEECH_RATE_HZ), np.float32)
    for stems in joinings(list(loaded)):
        parts = [part for stem in stems for part in (loaded[stem], breath)][:-1]
        yield " ".join(HUMAN_TEXTS[stem] for stem in stems), np.concatenate(parts)


def _spoken(kokoro: Kokoro) -> Iterator[tuple[str, Samples]]:
    voices = [name for name in kokoro.stock_facts().names if name[0] in "ab"]
    texts = dict.fromkeys(
        phrase.text("en").strip() for phrase in load_base(CORPUS) if phrase.origin == RECORDINGS_ORIGIN
    )
    for number, text in enumerate(texts):
        voice = kokoro.stock_voice("en", voices[number % len(voices)])
        speech = kokoro.speak([SpeakRequest(text, "en", voice)])[0]
        if isinstance(speech, MeeshyError):
            raise speech
        yield text, to_speech_rate(speech.samples, speech.rate_hz)


def _read(file: Path) -> Samples:
    rate_hz, samples = wavfile.read(file)
    if np.issubdtype(samples.dtype, np.integer):
        samples = samples / np.float32(np.iinfo(samples.dtype).max + 1)
    mono = samples.mean(axis=1) if samples.ndim > 1 else samples
    return to_speech_rate(mono.astype(np.float32), rate_hz)
