"""What every engine offers: four small, batch-first protocols and the typed objects that cross them.

A batch never fails as a whole because of one bad row: each row's place holds either its result or a MeeshyError.
No engine keeps anything about a speaker or a request: all of it comes in with the call and leaves with the result.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from appliance.errors import MeeshyError

Samples = Any
"""A one-dimensional float32 NumPy array in [-1, 1]; `Any` so that the API can import this file without NumPy."""

SPEECH_RATE_HZ = 16_000
"""The rate of every recording inside the appliance, and of every Transcriber's and SpeakerEncoder's input."""


@dataclass(frozen=True, slots=True)
class EngineIdentity:
    """Which engine with which weights and settings made a result; part of every cache key and every receipt."""

    engine: str
    model: str
    model_sha256: str
    settings: str = ""

    @property
    def key(self) -> str:
        """Return one string that changes when the engine, its weights or its settings change."""
        return f"{self.engine}/{self.model}@{self.model_sha256[:16]}/{self.settings}"


@dataclass(frozen=True, slots=True)
class Word:
    """One spoken word with its place in the recording and the decoder's probability for it."""

    start_s: float
    end_s: float
    text: str
    probability: float


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of speech between pauses; `confidence` is the geometric mean of its token probabilities, 0 to 1."""

    start_s: float
    end_s: float
    text: str
    confidence: float
    words: tuple[Word, ...] = ()


@dataclass(frozen=True, slots=True)
class TranscribeRequest:
    """One recording at 16 kHz; `language` None means detect; task `translate` gives English text (Whisper's own)."""

    samples: Samples
    language: str | None = None
    task: Literal["transcribe", "translate"] = "transcribe"
    word_timestamps: bool = True


@dataclass(frozen=True, slots=True)
class Transcription:
    """What was heard. No segments means that no speech was found."""

    language: str
    language_probability: float
    segments: tuple[Segment, ...]
    duration_s: float

    @property
    def no_speech(self) -> bool:
        """Return whether the recording holds nothing that was recognised as speech."""
        return not self.segments

    @property
    def text(self) -> str:
        """Return the segments' text joined with spaces."""
        return " ".join(segment.text.strip() for segment in self.segments)

    @property
    def confidence(self) -> float:
        """Return the segments' confidence weighted by their length, 0 to 1; 0 without speech."""
        length_s = sum(segment.end_s - segment.start_s for segment in self.segments)
        if length_s <= 0:
            return 0.0
        return sum(s.confidence * (s.end_s - s.start_s) for s in self.segments) / length_s


@dataclass(frozen=True, slots=True)
class TranslateRequest:
    """A message as its segments in order (each one or more sentences), BCP-47 languages."""

    segments: tuple[str, ...]
    source: str
    target: str


@dataclass(frozen=True, slots=True)
class TranslatedSegment:
    """One segment's translation; `score` is the decoder's mean log-probability per token, None where unknown."""

    text: str
    score: float | None
    alternatives: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    """Pieces of the source that the model has never seen: carried over as they are, or missing from the text."""


@dataclass(frozen=True, slots=True)
class Translation:
    """One message's translation, by which route and at which quality grade."""

    segments: tuple[TranslatedSegment, ...]
    engines: tuple[EngineIdentity, ...]
    """One per hop, in order."""
    route: str
    """`argos:en>fr`, `argos:fr>en>es`, `whisper:fr>en`, `deepl:en>fr`, `none` for the same language."""
    quality: Literal["starter", "standard"] = "standard"

    @property
    def text(self) -> str:
        """Return the segments' translations joined with spaces."""
        return " ".join(segment.text.strip() for segment in self.segments)


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice as one engine takes it: arrays by name, made from a recording or from stock, never kept by the engine.

    `kind` says what users are told: `stock` (nobody's), `matched` (stock voices mixed to resemble the speaker),
    `cloned` (conditioned on the speaker's recordings).
    """

    kind: Literal["stock", "matched", "cloned"]
    engine: str
    arrays: dict[str, Samples]
    version: str
    """Content hash of everything that shapes the sound; part of cache keys."""
    parameters: dict[str, float] = field(default_factory=dict)
    """Scalars such as pitch shift in semitones or speed."""


@dataclass(frozen=True, slots=True)
class SpeakRequest:
    """One utterance to say in a language with a voice; the seed changes the reading, not the words."""

    text: str
    language: str
    voice: Voice
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Speech:
    """Spoken audio, mono float32, at the engine's own rate."""

    samples: Samples
    rate_hz: int
    faults: tuple[str, ...] = ()
    """What the engine itself found wrong with it, in its best reading; for people."""


class Transcriber(Protocol):
    """Turns recordings into text."""

    def identity(self) -> EngineIdentity:
        """Return which engine and weights this is."""
        ...

    def transcribe(self, batch: Sequence[TranscribeRequest]) -> list[Transcription | MeeshyError]:
        """Return one transcription or error per request, in order; languages and tasks may differ within a batch."""
        ...


class Translator(Protocol):
    """Turns text into text."""

    def pairs(self) -> frozenset[tuple[str, str]]:
        """Return the pairs that can be translated now in one hop: what `selection` takes as installed pairs."""
        ...

    def routes(self) -> frozenset[tuple[str, str]]:
        """Return every (source, target) pair that can be translated now, pivots included."""
        ...

    def identity(self, source: str, target: str) -> tuple[EngineIdentity, ...]:
        """Return the engines and weights of the route, one per hop, or raise NoRoute."""
        ...

    def quality(self, source: str, target: str) -> Literal["starter", "standard"]:
        """Return the grade of the route's models: `starter` where one of them is ours for trying out."""
        ...

    def translate(self, batch: Sequence[TranslateRequest]) -> list[Translation | MeeshyError]:
        """Return one translation or error per request, in order; one pair's sentences go through the model together."""
        ...


class Synthesizer(Protocol):
    """Turns text into speech in a given voice."""

    def identity(self) -> EngineIdentity:
        """Return which engine and weights this is."""
        ...

    def languages(self) -> frozenset[str]:
        """Return the languages it can speak."""
        ...

    def stock_voice(self, language: str) -> Voice:
        """Return the voice that speaks when nobody's may be used."""
        ...

    def match_voice(self, references: Sequence[Samples], language: str, embedding: Samples | None = None) -> Voice:
        """Return a voice that resembles the speaker of 16 kHz recordings, for speaking a language.

        `embedding` is the speaker's, by the encoder that the engine was given, where one is known that is better than
        what these recordings show alone. An engine that is conditioned on sound passes over it.
        """
        ...

    def speak(self, batch: Sequence[SpeakRequest]) -> list[Speech | MeeshyError]:
        """Return one utterance or error per request, in order."""
        ...

    def stream(self, request: SpeakRequest) -> Iterator[Speech]:
        """Yield one utterance in pieces, each as soon as it is spoken, or raise a MeeshyError."""
        ...


class SpeakerEncoder(Protocol):
    """Turns speech into a speaker embedding."""

    def identity(self) -> EngineIdentity:
        """Return which engine and weights this is."""
        ...

    def embed(self, clips: Sequence[Samples]) -> list[Samples | MeeshyError]:
        """Return one unit-length embedding (or error) per 16 kHz clip; the dot product of two is their similarity."""
        ...
