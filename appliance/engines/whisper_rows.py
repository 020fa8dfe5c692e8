"""Rows of different recordings through one CTranslate2 Whisper: encode, tell the language, decode, align."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import ctranslate2
import numpy as np
from faster_whisper import WhisperModel
from faster_whisper.tokenizer import Tokenizer

from appliance.engines.protocols import SPEECH_RATE_HZ, Samples
from appliance.engines.whisper_guard import Decoded, most_tokens
from appliance.engines.whisper_language import tag_probabilities, whisper_code
from appliance.engines.whisper_windows import FULL_WINDOW_S, Window
from appliance.engines.whisper_words import HeardWord, timed_words
from appliance.errors import EngineFailed, MeeshyError

_SECONDS_PER_STEP = 0.02  # one encoder position: two hops of 160 samples at 16 kHz
_LONGEST_TOKENS = 448  # Whisper's decoder context
_SAMPLED_READINGS = 5  # per temperature, the best is kept: Whisper's own best_of


@dataclass(slots=True, eq=False)
class Row:
    """One window on its way through the model; lives for one call of the engine."""

    samples: Samples
    window: Window
    task: str
    padded_s: float
    language: str | None = None
    probabilities: dict[str, float] = field(default_factory=dict)
    encoded: Samples = None
    """The encoder's output, float [positions, width]."""
    decoded: Decoded | None = None
    words: list[HeardWord] = field(default_factory=list)
    error: MeeshyError | None = None

    @property
    def audio_s(self) -> float:
        """Return the seconds of audio before the padding."""
        return len(self.samples) / SPEECH_RATE_HZ

    @property
    def shortened(self) -> bool:
        """Return whether its window is shorter than the one Whisper was trained on."""
        return self.padded_s < FULL_WINDOW_S


def together_or_alone(rows: Sequence[Row], step: Callable[[Sequence[Row]], None]) -> None:
    """Run a step over the rows without an error; if it raises, over each alone, and only rows that raise again fail."""
    alive = [row for row in rows if row.error is None]
    if not alive:
        return
    try:
        step(alive)
    except (RuntimeError, ValueError) as error:  # what CTranslate2 raises: bad row, out of memory
        if len(alive) == 1:
            alive[0].error = EngineFailed(f"Whisper could not process this recording: {error}")
            return
        for row in alive:
            together_or_alone([row], step)


class WhisperRows:
    """The steps of one loaded model; keeps nothing between calls: threads may make them at once, each with its rows."""

    def __init__(self, model: WhisperModel, *, beam_size: int, encoder_batch: int) -> None:
        """Take a loaded model; `encoder_batch` rows are encoded at a time."""
        self._model = model
        self._whisper = model.model
        self._beam_size = beam_size
        self._encoder_batch = encoder_batch
        self._token = model.hf_tokenizer.token_to_id
        self._end = self._token("<|endoftext|>")

    def knows(self, language: str) -> bool:
        """Return whether the model was trained on a BCP-47 language."""
        if not self._whisper.is_multilingual:
            return language == "en"
        return self._token(f"<|{whisper_code(language)}|>") is not None

    def encode(self, rows: Sequence[Row]) -> None:
        """Set each row's encoder output; all rows have the same padded length."""
        for i in range(0, len(rows), self._encoder_batch):
            part = rows[i : i + self._encoder_batch]
            features = np.stack([self._features(row) for row in part])
            # On the host, so that rows of several encoder calls can share one decoder call and be aligned by language.
            output = self._whisper.encode(ctranslate2.StorageView.from_array(features), to_cpu=True)
            for row, encoded in zip(part, np.array(output), strict=True):
                row.encoded = encoded

    def _features(self, row: Row) -> Samples:
        # Zero samples, not zero features: on base, zero features raised WER from 0.073 to 0.193 (traps.md).
        audio = np.zeros(round(row.padded_s * SPEECH_RATE_HZ), dtype=np.float32)
        audio[: len(row.samples)] = row.samples
        return np.ascontiguousarray(self._model.feature_extractor(audio, padding=0), dtype=np.float32)

    def tell_languages(self, rows: Sequence[Row]) -> None:
        """Set each row's language probabilities from its encoder output; all rows have the same padded length."""
        if not self._whisper.is_multilingual:
            for row in rows:
                row.probabilities = {"en": 1.0}
            return
        for row, detected in zip(rows, self._whisper.detect_language(_stacked(rows)), strict=True):
            row.probabilities = tag_probabilities(detected)

    def decode(self, rows: Sequence[Row], temperature: float = 0.0) -> None:
        """Set each row's text; the same padded length for all, languages and tasks may differ; above 0 it samples."""
        prompts = [self._prompt(row) for row in rows]
        longest = _LONGEST_TOKENS
        if all(row.shortened for row in rows):
            longest = min(longest, len(prompts[0]) + max(most_tokens(row.audio_s) for row in rows))
        search = (
            {"beam_size": 1, "num_hypotheses": _SAMPLED_READINGS, "sampling_topk": 0}
            if temperature > 0
            else {"beam_size": self._beam_size}
        )
        results = self._whisper.generate(
            _stacked(rows),
            prompts,
            sampling_temperature=temperature or 1.0,
            max_length=longest,
            return_scores=True,
            return_no_speech_prob=True,
            **search,
        )
        for row, result in zip(rows, results, strict=True):
            row.decoded = self._decoded(result)

    def _prompt(self, row: Row) -> list[int]:
        # One layout for all rows: CTranslate2 refuses a batch that mixes rows with and without timestamp tokens.
        # Without them, because word times come from the alignment and need no extra decoding steps.
        return [*self._start(row.language, row.task), self._token("<|notimestamps|>")]

    def _start(self, language: str | None, task: str) -> list[int]:
        start = [self._token("<|startoftranscript|>")]
        if self._whisper.is_multilingual:
            start += [self._token(f"<|{whisper_code(language or 'en')}|>"), self._token(f"<|{task}|>")]
        return start

    def _decoded(self, result: ctranslate2.models.WhisperGenerationResult) -> Decoded:
        ids = result.sequences_ids[0]
        tokens = tuple(token for token in ids if token < self._end)
        # CTranslate2's score is the mean over the tokens without the end token; Whisper's limits count it.
        mean = result.scores[0] * len(ids) / (len(ids) + 1)
        text = self._model.hf_tokenizer.decode(list(tokens)).strip()
        return Decoded(tokens, text, mean, result.no_speech_prob)

    def align(self, rows: Sequence[Row]) -> None:
        """Set each row's words with times from the window's start; same padded length, language and task for all."""
        tokenizer = Tokenizer(
            self._model.hf_tokenizer, self._whisper.is_multilingual, task=rows[0].task,
            language=whisper_code(rows[0].language or "en"),
        )  # fmt: skip
        tokens = [list(row.decoded.tokens) if row.decoded else [] for row in rows]
        frames = [min(round(row.padded_s * 100), max(2, round(row.audio_s * 100))) for row in rows]
        results = self._whisper.align(_stacked(rows), self._start(rows[0].language, rows[0].task), tokens, frames)
        for row, own, result in zip(rows, tokens, results, strict=True):
            texts, parts = tokenizer.split_to_word_tokens(own)
            pieces = [(text, len(part)) for text, part in zip(texts, parts, strict=True)]
            row.words = timed_words(pieces, result.alignments, result.text_token_probs, _SECONDS_PER_STEP)


def _stacked(rows: Sequence[Row]) -> ctranslate2.StorageView:
    return ctranslate2.StorageView.from_array(np.ascontiguousarray(np.stack([row.encoded for row in rows])))
