"""A process that holds the whole chain, Whisper, translation and Kokoro, with its thread pools pinned or left alone.

    python -m appliance.bench.chain_process '<Chain as JSON>'

Thread pools of different settings cannot be compared inside one process, where they would all be alive; each side of
the row has a process of its own. A line of standard input is the path of a recording; the answer is a line with a Pass.
"""

import sys
import time
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
import onnxruntime
from faster_whisper import WhisperModel

from appliance.bench.sentence_by_sentence import SentenceBySentence
from appliance.engines.kokoro import RATE_HZ, open_session
from appliance.engines.kokoro_styles import DEFAULT_VOICES, read_styles
from appliance.engines.kokoro_text import Phonemes
from appliance.engines.sentences import split_sentences
from appliance.voices.measures import to_speech_rate


class Chain(msgspec.Struct, frozen=True, kw_only=True):
    """Which models, and whose thread pools: `pinned` as the appliance sets them, or each library's own `default`."""

    pools: Literal["pinned", "default"]
    threads: int
    whisper: str
    pack: str
    kokoro: str
    source: str
    target: str


class Pass(msgspec.Struct, frozen=True, kw_only=True):
    """One recording through the chain: the translation stage's milliseconds, the whole chain's, and the outputs."""

    translate_ms: float
    chain_ms: float
    heard: str
    text: str
    heard_again: str


class ChainInOneProcess:
    """Loaded models and the four stages over them."""

    def __init__(self, chain: Chain) -> None:
        """Load everything with the chain's pools."""
        pinned = chain.pools == "pinned"
        self._chain = chain
        self._whisper = WhisperModel(
            chain.whisper, device="cpu", compute_type="int8", cpu_threads=chain.threads if pinned else 0
        )
        self._translator = SentenceBySentence(Path(chain.pack), workers=1, threads_each=1 if pinned else 0)
        model = Path(chain.kokoro) / "model.onnx"
        self._session: Any = (
            open_session(model, chain.threads)
            if pinned
            else onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
        )
        _, self._styles = read_styles(Path(chain.kokoro) / "voices", (DEFAULT_VOICES[chain.target],))
        self._phonemes = Phonemes()

    def run(self, recording: str) -> Pass:
        """Transcribe, translate sentence by sentence, speak, and transcribe what was spoken."""
        began_s = time.perf_counter()
        heard = self._transcribed(recording, self._chain.source)
        translating_s = time.perf_counter()
        text = " ".join(self._translator.translate(sentence) for sentence in split_sentences(heard))
        translated_s = time.perf_counter()
        again = self._transcribed(to_speech_rate(self._spoken(text), RATE_HZ), self._chain.target)
        return Pass(
            translate_ms=1000 * (translated_s - translating_s),
            chain_ms=1000 * (time.perf_counter() - began_s),
            heard=heard,
            text=text,
            heard_again=again,
        )

    def _transcribed(self, audio: str | np.ndarray, language: str) -> str:
        segments, _ = self._whisper.transcribe(audio, language=language)
        return " ".join(segment.text.strip() for segment in segments)

    def _spoken(self, text: str) -> np.ndarray:
        parts = []
        for chunk in self._phonemes.chunks(text, self._chain.target):
            feed = {
                "tokens": np.array([[0, *chunk.tokens, 0]], np.int64),
                "style": self._styles[0, len(chunk.tokens) - 1][None],
                "speed": np.ones(1, np.float32),
            }
            parts.append(np.asarray(self._session.run(["audio"], feed)[0], np.float32).reshape(-1))
        return np.concatenate(parts)


def main() -> int:
    """Answer recordings until standard input ends."""
    chain = ChainInOneProcess(msgspec.json.decode(sys.argv[1].encode(), type=Chain))
    for line in sys.stdin:
        sys.stdout.buffer.write(msgspec.json.encode(chain.run(line.strip())) + b"\n")
        sys.stdout.buffer.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
