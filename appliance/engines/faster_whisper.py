"""faster-whisper as a batch-first Transcriber: windows of many recordings share the model's calls."""

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from faster_whisper import WhisperModel
from faster_whisper.vad import get_vad_model

from appliance.engines.protocols import (
    SPEECH_RATE_HZ,
    EngineIdentity,
    Samples,
    Segment,
    TranscribeRequest,
    Transcription,
)
from appliance.engines.whisper_guard import (
    TEMPERATURES,
    Decoded,
    better,
    is_doubtful,
    is_invented,
    is_silence,
    ran_away,
)
from appliance.engines.whisper_language import UNDETERMINED, spoken_language
from appliance.engines.whisper_rows import Row, WhisperRows, together_or_alone
from appliance.engines.whisper_windows import FULL_WINDOW_S, padded_length_s, speech_spans, speech_windows
from appliance.engines.whisper_words import placed_words, segments
from appliance.errors import AudioEmpty, EngineFailed, MeeshyError, ModelMissing, UnknownLanguage

_FILES = ("model.bin", "config.json", "tokenizer.json")
_VAD_FRAME_SAMPLES = 512
_ROWS_AT_ONCE = 64  # encoder outputs held at a time: 3 MB each for base, 8 MB for large-v3
_QUIET_PEAK = 0.1  # a recording whose loudest sample lies below is raised to it
_MOST_GAIN = 31.6  # 30 dB: more would turn a recorder's own noise into a recording
_LOUDEST_SAMPLE = 16.0  # lossy decoders overshoot 1 a little; integers cast to float overshoot it a lot
_PIPELINE = "1"  # raise it when the same weights give other text because of a change in these files


@dataclass(slots=True, eq=False)
class _Clip:
    """One request on its way through the engine."""

    request: TranscribeRequest
    rows: list[Row] = field(default_factory=list)
    error: MeeshyError | None = None
    language_probability: float = 0.0


class FasterWhisper:
    """Transcriber on CTranslate2's Whisper.

    Recordings are cut into windows at pauses (silero VAD) and the windows of all recordings go through the model as
    rows: one encoder pass for language and text, one decoder call for all rows of a padded length. A row's text depends
    on nothing but its own audio; only a doubtful one is sampled and may read differently a second time. It keeps
    nothing of any request. As many threads as it has `callers` are in the model at once, on one copy of the weights;
    further ones wait.
    """

    def __init__(
        self,
        model_path: Path,
        *,
        model: str,
        model_sha256: str,
        threads: int = 0,
        device: Literal["cpu", "cuda"] = "cpu",
        compute_type: str = "int8",
        beam_size: int = 5,
        adaptive_window: bool = False,
        adaptive_languages: frozenset[str] | None = None,
        encoder_batch: int | None = None,
        decoder_batch: int = 16,
        callers: int = 1,
    ) -> None:
        """Take the folder of a CTranslate2 model and its catalog name and hash; nothing is loaded before `warm`.

        `threads` 0 means CTranslate2's default. `adaptive_window` shortens the encoder's window to audio + 8 s or more:
        only for a model (and, if given, languages) validated with it. `encoder_batch` defaults to 2 on CPU (base,
        12 s window, one core: 297, 295, 381, 377 ms per clip at 1, 2, 4, 8), else to
        `decoder_batch`. Raises ModelMissing.
        """
        missing = [name for name in _FILES if not (model_path / name).is_file()]
        if missing:  # checked here because faster-whisper fetches a missing tokenizer from the hub
            raise ModelMissing(f"The Whisper model '{model}' lacks {', '.join(missing)}.")
        self._path = model_path
        self._threads = threads
        self._device = device
        self._compute_type = compute_type
        self._beam_size = beam_size
        self._adaptive = adaptive_window
        self._adaptive_languages = adaptive_languages
        self._encoder_batch = encoder_batch or (2 if device == "cpu" else decoder_batch)
        self._decoder_batch = decoder_batch
        window = "30s" if not adaptive_window else "+8s:" + ",".join(sorted(adaptive_languages or {"all"}))
        settings = f"beam={beam_size} window={window} {compute_type} pipeline={_PIPELINE}"
        self._identity = EngineIdentity("faster-whisper", model, model_sha256, settings)
        self._rows: WhisperRows | None = None
        self._callers = callers
        self._room = threading.Semaphore(callers)
        self._loading = threading.Lock()

    def identity(self) -> EngineIdentity:
        """Return which engine, weights and settings this is."""
        return self._identity

    def warm(self) -> None:
        """Load the model and run every step once on a second of silence, so that the first request pays for neither."""
        rows = self._loaded()
        get_vad_model()(np.zeros(_VAD_FRAME_SAMPLES, dtype=np.float32))
        quiet = np.zeros(SPEECH_RATE_HZ, dtype=np.float32)
        window = speech_windows(speech_spans([1.0] * 31, _frame_s()), 1.0)[0]
        row = Row(quiet, window, "transcribe", padded_length_s(1.0, shortened=self._adaptive), language="en")
        for step in (rows.encode, rows.tell_languages, rows.decode, rows.align):
            step([row])

    def close(self) -> None:
        """Give the model's memory back; a later call loads it again."""
        self._rows = None

    def _loaded(self) -> WhisperRows:
        with self._loading:
            if self._rows is None:
                model = WhisperModel(
                    str(self._path),
                    device=self._device,
                    compute_type=self._compute_type,
                    cpu_threads=self._threads,
                    # CTranslate2's replicas on one device share the weights.
                    num_workers=self._callers,
                    local_files_only=True,
                )
                self._rows = WhisperRows(model, beam_size=self._beam_size, encoder_batch=self._encoder_batch)
            return self._rows

    def transcribe(self, batch: Sequence[TranscribeRequest]) -> list[Transcription | MeeshyError]:
        """Return one transcription or error per request, in order; languages and tasks may differ within the batch.

        No segments means no speech; then the language is the one asked for or `und`. An error is AudioEmpty,
        UnknownLanguage (this model was not trained on it) or EngineFailed, each in its own request's place.
        """
        with self._room:
            model = self._loaded()
            clips = [self._clip(request, model) for request in batch]
            for wave in _waves(clips):
                self._run(wave, model)
            return [_answer(clip) for clip in clips]

    def _clip(self, request: TranscribeRequest, model: WhisperRows) -> _Clip:
        clip = _Clip(request)
        try:
            _check(request.samples)
        except MeeshyError as error:
            clip.error = error
            return clip
        if request.language is not None and not model.knows(request.language):
            clip.error = UnknownLanguage(f"The model {self._identity.model} was not trained on '{request.language}'.")
            return clip
        audible = _audible(request.samples)
        duration_s = len(audible) / SPEECH_RATE_HZ
        for window in speech_windows(speech_spans(_speech_probabilities(audible), _frame_s()), duration_s):
            samples = audible[round(window.start_s * SPEECH_RATE_HZ) : round(window.end_s * SPEECH_RATE_HZ)]
            shortened = self._shortens(request.language)
            padded_s = padded_length_s(len(samples) / SPEECH_RATE_HZ, shortened=shortened)
            clip.rows.append(Row(samples, window, request.task, padded_s, language=request.language))
        return clip

    def _shortens(self, language: str | None) -> bool:
        validated = self._adaptive_languages is None or language is None or language in self._adaptive_languages
        return self._adaptive and validated

    def _run(self, clips: Sequence[_Clip], model: WhisperRows) -> None:
        rows = [row for clip in clips for row in clip.rows]
        self._encode(rows, model)
        self._settle_languages(clips, model)
        self._encode([row for row in rows if row.encoded is None], model)
        self._grouped(rows, model.decode)
        again = [row for row in rows if row.shortened and row.decoded and ran_away(row.decoded, row.audio_s)]
        self._at_full_length(again)
        self._encode(again, model)
        self._grouped(again, model.decode)
        for row in rows:
            if row.decoded and is_doubtful(row.decoded) and not is_silence(row.decoded, row.window.speech_s):
                together_or_alone([row], lambda alone: _reread(alone[0], model))
        heard = [row for row in rows if row.decoded and not is_invented(row.decoded, row.window.speech_s)]
        self._grouped(heard, model.align, lambda row: (row.language, row.task))
        for row in rows:
            row.encoded = None

    def _encode(self, rows: Sequence[Row], model: WhisperRows) -> None:
        self._grouped(rows, model.encode)

    def _settle_languages(self, clips: Sequence[_Clip], model: WhisperRows) -> None:
        """Give every row of a clip one language; rows of a language not validated for it lose their short window."""
        asked = [row for clip in clips for row in clip.rows if row.language is None]
        self._grouped(asked, model.tell_languages)
        for clip in clips:
            clip.language_probability = 1.0
            if clip.rows and clip.request.language is None:
                votes = [(row.probabilities, row.window.speech_s) for row in clip.rows if row.error is None]
                language, clip.language_probability = spoken_language(votes)
                for row in clip.rows:
                    row.language = language
                self._at_full_length(row for row in clip.rows if row.shortened and not self._shortens(language))

    def _at_full_length(self, rows: Iterable[Row]) -> None:
        for row in rows:
            row.padded_s, row.encoded = FULL_WINDOW_S, None

    def _grouped(
        self,
        rows: Sequence[Row],
        step: Callable[[Sequence[Row]], None],
        key: Callable[[Row], tuple[str | None, ...]] = lambda row: (),
    ) -> None:
        """Run a step over rows of equal padded length (and equal key), at most a decoder batch at a time."""
        groups: dict[tuple[float, tuple[str | None, ...]], list[Row]] = {}
        for row in rows:
            if row.error is None:
                groups.setdefault((row.padded_s, key(row)), []).append(row)
        for group in groups.values():
            for i in range(0, len(group), self._decoder_batch):
                together_or_alone(group[i : i + self._decoder_batch], step)


def _check(samples: Samples) -> None:
    """Raise AudioEmpty or EngineFailed unless samples are what the protocol says."""
    if not isinstance(samples, np.ndarray) or samples.dtype != np.float32 or samples.ndim != 1:
        raise EngineFailed("The recording did not reach the engine as one channel of float32 samples.")
    if not len(samples):
        raise AudioEmpty
    if not np.isfinite(samples).all() or np.abs(samples).max() > _LOUDEST_SAMPLE:
        raise EngineFailed("The recording holds samples that are not numbers between -1 and 1.")


def _audible(samples: Samples) -> Samples:
    # Below a peak of about 0.003 silero-vad hears no speech any more, and at 0.03 base's word errors rise by half.
    gain = min(_QUIET_PEAK / max(float(np.abs(samples).max()), 1e-9), _MOST_GAIN)
    return samples * np.float32(gain) if gain > 1 else samples


def _frame_s() -> float:
    return _VAD_FRAME_SAMPLES / SPEECH_RATE_HZ


def _speech_probabilities(samples: Samples) -> list[float]:
    whole = np.pad(samples, (0, -len(samples) % _VAD_FRAME_SAMPLES))
    return [float(p) for p in np.ravel(get_vad_model()(whole))]


def _waves(clips: Sequence[_Clip]) -> Iterable[list[_Clip]]:
    """Yield the clips in order in waves of about _ROWS_AT_ONCE rows, a long recording never split."""
    wave: list[_Clip] = []
    for clip in clips:
        if wave and sum(len(c.rows) for c in wave) + len(clip.rows) > _ROWS_AT_ONCE:
            yield wave
            wave = []
        wave.append(clip)
    if wave:
        yield wave


def _reread(row: Row, model: WhisperRows) -> None:
    """Decode one doubtful row at rising temperatures until it is no longer doubtful, else keep its best reading."""
    best: Decoded | None = row.decoded
    for temperature in TEMPERATURES:
        model.decode([row], temperature)
        best = better(best, row.decoded)
        if best is not None and not is_doubtful(best):
            break
    row.decoded = best


def _answer(clip: _Clip) -> Transcription | MeeshyError:
    failed = next((row.error for row in clip.rows if row.error is not None), None)
    if clip.error or failed:
        return clip.error or failed or EngineFailed()
    heard: list[Segment] = []
    for row in clip.rows:
        words = placed_words(row.words, row.window.start_s, row.window.speech)
        heard.extend(segments(words, keep_words=clip.request.word_timestamps))
    language = clip.request.language or (clip.rows[0].language if clip.rows else None)
    duration_s = len(clip.request.samples) / SPEECH_RATE_HZ
    if not heard:
        return Transcription(clip.request.language or UNDETERMINED, 0.0, (), duration_s)
    return Transcription(language or UNDETERMINED, clip.language_probability, tuple(heard), duration_s)
