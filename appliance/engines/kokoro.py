"""Kokoro-82M on onnxruntime: speaks with its stock voices and with mixtures of them that resemble a speaker."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from appliance.engines.kokoro_match import MatchSettings, match_speaker
from appliance.engines.kokoro_styles import (
    DEFAULT_VOICES,
    ENGINE,
    STOCK_FACTS,
    STYLE_ROWS,
    StockFacts,
    make_voice,
    read_stock_facts,
    read_styles,
    style_of,
)
from appliance.engines.kokoro_text import ESPEAK_VOICES, Phonemes
from appliance.engines.pitch import median_f0_hz
from appliance.engines.protocols import (
    SPEECH_RATE_HZ,
    EngineIdentity,
    Samples,
    SpeakerEncoder,
    SpeakRequest,
    Speech,
    Voice,
)
from appliance.errors import EngineFailed, MeeshyError, ModelCorrupt, ModelMissing

RATE_HZ = 24_000
_EDGE_S = 0.06
"""Silence kept before and behind an utterance; Kokoro itself leaves up to half a second."""
_SILENCE_DB = 45.0
_FRAME = RATE_HZ // 100
_LIMIT = 0.98


class Kokoro:
    """Speaks text with voices that are passed in; keeps nothing about a speaker.

    The same request gives the same samples. Kokoro itself has no randomness, so a seed other than 0 stands for
    another reading: up to 3 % faster or slower, the style of a slightly longer or shorter utterance, and the voice's
    weights jittered by 10 %.
    """

    def __init__(
        self,
        model: Path,
        voices: Path,
        encoder: SpeakerEncoder,
        threads: int = 0,
        model_sha256: str = "",
        stock_facts: Path = STOCK_FACTS,
        match: MatchSettings | None = None,
    ) -> None:
        """Load the model and its voices; threads 0 means as many as there are cores, an empty hash is computed.

        Raises ModelMissing or ModelCorrupt.
        """
        if not model.is_file():
            raise ModelMissing(f"Kokoro's model '{model.name}' is not installed.")
        self._encoder = encoder
        self._match = match or MatchSettings()
        self._facts = read_stock_facts(stock_facts)
        _, self._styles = read_styles(voices, self._facts.names)
        self._session = open_session(model, threads)
        self._phonemes = Phonemes()
        sha256 = model_sha256 or hashlib.sha256(model.read_bytes()).hexdigest()
        if (self._facts.model_sha256, self._facts.encoder) != (sha256, encoder.identity().key):
            raise ModelMissing(
                "The facts about Kokoro's stock voices are of other weights or another speaker encoder; "
                "`python -m appliance.voices.build_stock` makes them anew."
            )
        self._identity = EngineIdentity(ENGINE, "kokoro-82m", sha256, f"stock-{self._facts.model_sha256[:8]}")

    def identity(self) -> EngineIdentity:
        """Return which engine and weights this is."""
        return self._identity

    def languages(self) -> frozenset[str]:
        """Return the languages it can speak."""
        return frozenset(ESPEAK_VOICES)

    def stock_facts(self) -> StockFacts:
        """Return what the stock voices sound like, in the order of every voice's weights."""
        return self._facts

    def stock_voice(self, language: str, name: str = "") -> Voice:
        """Return a language's stock voice, or the one of that name."""
        chosen = name or DEFAULT_VOICES.get(language, "")
        if language not in DEFAULT_VOICES or chosen not in self._facts.names:
            raise EngineFailed(f"Kokoro has no voice '{chosen[:40]}' for '{language[:20]}'.")
        weights = (np.array(self._facts.names) == chosen).astype(np.float32)
        return make_voice("stock", weights, weights)

    def match_voice(
        self,
        references: Sequence[Samples],
        language: str,
        embedding: Samples | None = None,
        settings: MatchSettings | None = None,
    ) -> Voice:
        """Return a mixture of stock voices that resembles the speaker of 16 kHz recordings, for speaking a language.

        Without an embedding, the recordings' own is taken. Settings other than the engine's own are for evaluation.
        Raises the encoder's error where the recordings show no speaker, EngineFailed for a language it cannot speak.
        """
        if language not in DEFAULT_VOICES:
            raise EngineFailed(f"Kokoro has no voices for '{language[:20]}'.")
        sound = np.concatenate([np.asarray(reference, np.float32) for reference in references])
        if embedding is None:
            embedding = self._encoder.embed([sound])[0]
            if isinstance(embedding, MeeshyError):
                raise embedding
        f0_hz = median_f0_hz(sound, SPEECH_RATE_HZ)
        chosen = settings or self._match
        mixture = match_speaker(embedding, f0_hz, language, self._facts, chosen)
        return make_voice("matched", mixture.timbre, mixture.prosody, {"speed": chosen.speed})

    def nearer_native(self, voice: Voice, language: str, share: float) -> Voice:
        """Return the voice with this share (0 to 1) of the language's stock voice mixed in.

        It is for another attempt where a matched voice was misheard: less like the speaker, easier to understand.
        """
        stock = self.stock_voice(language)
        mixed = {name: (1 - share) * voice.arrays[name] + share * stock.arrays[name] for name in ("timbre", "prosody")}
        return make_voice("matched", mixed["timbre"], mixed["prosody"], voice.parameters)

    def speak(self, batch: Sequence[SpeakRequest]) -> list[Speech | MeeshyError]:
        """Return one utterance at 24 kHz or error per request, in order.

        Kokoro's graph takes one utterance at a time ([1, n] tokens), so a batch is a loop and a bad row fails alone.
        """
        results: list[Speech | MeeshyError] = []
        for request in batch:
            try:
                results.append(self._say(request))
            except MeeshyError as error:
                results.append(error)
        return results

    def stream(self, request: SpeakRequest) -> Iterator[Speech]:
        """Yield an utterance at 24 kHz sentence by sentence, with the pause behind each; together they are `speak`'s.

        A sentence that is too long for the model comes in several pieces.
        """
        chunks = self._phonemes.chunks(request.text, request.language)
        voice, speed, row_shift = _reading(request.voice, request.seed)
        for chunk in chunks:
            row = int(np.clip(len(chunk.tokens) - 1 + row_shift, 0, STYLE_ROWS - 1))
            audio = trim_silence(self._run(chunk.tokens, style_of(voice, self._styles, row), speed))
            peak = float(np.abs(audio).max(initial=0.0))
            if not np.isfinite(peak) or peak == 0.0:
                raise EngineFailed("Kokoro gave no sound for this text.")
            pause = np.zeros(round(chunk.pause_s * RATE_HZ), np.float32)
            yield Speech(np.concatenate([audio * np.float32(min(1.0, _LIMIT / peak)), pause]), RATE_HZ)

    def _say(self, request: SpeakRequest) -> Speech:
        return Speech(np.concatenate([piece.samples for piece in self.stream(request)]), RATE_HZ)

    def _run(self, tokens: tuple[int, ...], style: np.ndarray, speed: float) -> np.ndarray:
        feed = {
            "tokens": np.array([[0, *tokens, 0]], np.int64),
            "style": style,
            "speed": np.array([speed], np.float32),
        }
        try:
            return np.asarray(self._session.run(["audio"], feed)[0], np.float32).reshape(-1)
        except Exception as error:
            # onnxruntime's errors share no base class but Exception, and one row's must not fail its batch.
            raise EngineFailed("Kokoro could not speak this text.") from error


def open_session(model: Path, threads: int) -> Any:
    """Return an onnxruntime session on the CPU with that many threads (0: one per core), or raise ModelCorrupt.

    Idle threads must not spin: they took the translation stage beside them from 66 to 240 ms (shared research,
    performance).
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        # onnxruntime's errors share no base class but Exception.
        raise ModelCorrupt(f"Kokoro's model '{model.name}' cannot be loaded.") from error


def trim_silence(samples: np.ndarray) -> np.ndarray:
    """Return 24 kHz samples with at most 60 ms of silence (45 dB under the loudest frame) at both ends."""
    frames = samples[: len(samples) // _FRAME * _FRAME].reshape(-1, _FRAME)
    level_db = 10 * np.log10(np.mean(np.square(frames, dtype=np.float64), axis=1) + 1e-12)
    loud = np.flatnonzero(level_db > level_db.max(initial=-120.0) - _SILENCE_DB)
    if not len(loud):
        return samples
    edge = round(_EDGE_S * RATE_HZ)
    return samples[max(loud[0] * _FRAME - edge, 0) : (loud[-1] + 1) * _FRAME + edge]


def _reading(voice: Voice, seed: int) -> tuple[Voice, float, int]:
    """Return the voice, speed and style row offset of a seed; seed 0 is the voice as it is."""
    speed = voice.parameters.get("speed", 1.0)
    if seed == 0:
        return voice, speed, 0
    chance = np.random.default_rng(seed)
    speed *= chance.uniform(0.97, 1.03)
    row_shift = int(chance.integers(-10, 11))
    arrays = {}
    for name, weights in sorted(voice.arrays.items()):
        jittered = weights * np.exp(0.1 * chance.standard_normal(len(weights)))
        arrays[name] = (jittered * (weights.sum() / jittered.sum())).astype(np.float32)
    return Voice(voice.kind, voice.engine, arrays, voice.version, voice.parameters), speed, row_shift
