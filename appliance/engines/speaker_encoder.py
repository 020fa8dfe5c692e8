"""Resemblyzer's speaker encoder (GE2E, three LSTM layers) on NumPy, from its own pretrained checkpoint.

Source of the model: resemblyzer 0.1.4 (Apache-2.0), resemblyzer/voice_encoder.py; Wan et al., "Generalized end-to-end
loss for speaker verification", 2018.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from appliance.engines.legacy_checkpoint import read_legacy_checkpoint
from appliance.engines.protocols import SPEECH_RATE_HZ, EngineIdentity, Samples
from appliance.engines.speaker_encoder_features import (
    HOP_SAMPLES,
    MEL_BANDS,
    cut_long_silences,
    mel_frames,
    set_level,
)
from appliance.errors import AudioEmpty, AudioUnreadable, MeeshyError, ModelCorrupt, NoSpeech

PARTIAL_FRAMES = 160
"""The network hears 1.6 s at a time."""
PARTIAL_STEP_FRAMES = 77
"""1.3 partials per second, Resemblyzer's default rate."""
_MIN_COVERAGE = 0.75
_LAYERS = 3
_WIDTH = 256
# 1.6 s × 64 rows through three layers takes about 30 MB; larger batches gain nothing on two cores.
_ROWS = 64
_MIN_SAMPLES = SPEECH_RATE_HZ // 10


def _sigmoid(x: np.ndarray) -> np.ndarray:
    # tanh saturates where exp would overflow.
    return 0.5 * (np.tanh(0.5 * x) + 1)


class ResemblyzerEncoder:
    """Embeds speakers: unit vectors of 256 numbers ≥ 0 whose dot product is their similarity."""

    def __init__(self, weights: Path, model_sha256: str = "", cut_silences: bool = True) -> None:
        """Read the checkpoint `pretrained.pt`; an empty hash is computed from the file.

        Raises ModelMissing or ModelCorrupt.
        """
        state = read_legacy_checkpoint(weights).get("model_state")
        if not isinstance(state, dict):
            raise ModelCorrupt(f"'{weights.name}' holds no speaker encoder.")
        try:
            self._layers = [
                (
                    np.ascontiguousarray(state[f"lstm.weight_ih_l{n}"].T),
                    np.ascontiguousarray(state[f"lstm.weight_hh_l{n}"].T),
                    state[f"lstm.bias_ih_l{n}"] + state[f"lstm.bias_hh_l{n}"],
                )
                for n in range(_LAYERS)
            ]
            self._projection = np.ascontiguousarray(state["linear.weight"].T)
            self._offset = state["linear.bias"]
        except KeyError as error:
            raise ModelCorrupt(f"'{weights.name}' is not Resemblyzer's encoder: {error} is missing.") from error
        sha256 = model_sha256 or hashlib.sha256(weights.read_bytes()).hexdigest()
        self._cut_silences = cut_silences
        self._identity = EngineIdentity(
            "resemblyzer", "ge2e-256", sha256, "cut,-25dBFS" if cut_silences else "whole,-25dBFS"
        )

    def identity(self) -> EngineIdentity:
        """Return which engine and weights this is."""
        return self._identity

    def embed(self, clips: Sequence[Samples]) -> list[Samples | MeeshyError]:
        """Return one unit-length embedding float32[256] (or error) per 16 kHz clip, in order.

        All partials of all clips go through the network together. Clips under 0.1 s give AudioEmpty, silent ones
        NoSpeech, ones with values that are no numbers AudioUnreadable.
        """
        partials: list[np.ndarray] = []
        owners: list[int] = []
        results: list[Samples | MeeshyError] = [NoSpeech()] * len(clips)
        for row, clip in enumerate(clips):
            try:
                own = self._partials(np.asarray(clip, dtype=np.float32))
            except MeeshyError as error:
                results[row] = error
                continue
            partials += own
            owners += [row] * len(own)
        vectors = self._forward(partials)
        for row in sorted(set(owners)):
            mean = vectors[np.array(owners) == row].mean(axis=0)
            results[row] = mean / np.linalg.norm(mean)
        return results

    def _partials(self, samples: np.ndarray) -> list[np.ndarray]:
        if samples.ndim != 1 or len(samples) < _MIN_SAMPLES:
            raise AudioEmpty("A speaker can be recognised from a tenth of a second of mono speech at least.")
        if not np.isfinite(samples).all():
            raise AudioUnreadable("The samples hold values that are not numbers.")
        if np.abs(samples).max() < 1e-4:
            raise NoSpeech()
        level = set_level(samples)
        speech = cut_long_silences(level) if self._cut_silences else level
        starts = partial_starts(len(speech))
        mel = mel_frames(speech)
        missing = starts[-1] + PARTIAL_FRAMES - len(mel)
        mel = np.pad(mel, ((0, max(missing, 0)), (0, 0)))
        return [mel[start : start + PARTIAL_FRAMES] for start in starts]

    def _forward(self, partials: list[np.ndarray]) -> np.ndarray:
        if not partials:
            return np.zeros((0, _WIDTH), np.float32)
        blocks = [np.stack(partials[at : at + _ROWS]) for at in range(0, len(partials), _ROWS)]
        return np.concatenate([self._forward_block(block) for block in blocks])

    def _forward_block(self, frames: np.ndarray) -> np.ndarray:
        """Return embeddings [rows, 256] of mel frames [rows, PARTIAL_FRAMES, MEL_BANDS]."""
        assert frames.shape[1:] == (PARTIAL_FRAMES, MEL_BANDS)
        sequence = np.ascontiguousarray(frames.swapaxes(0, 1))  # time first: each step reads one contiguous block
        for into, back, bias in self._layers:
            gates = sequence @ into + bias
            hidden = np.zeros((sequence.shape[1], _WIDTH), np.float32)
            cell = np.zeros_like(hidden)
            sequence = np.empty((PARTIAL_FRAMES, *hidden.shape), np.float32)
            for step in range(PARTIAL_FRAMES):
                taken, forget, fresh, out = np.split(gates[step] + hidden @ back, 4, axis=1)
                cell = _sigmoid(forget) * cell + _sigmoid(taken) * np.tanh(fresh)
                hidden = _sigmoid(out) * np.tanh(cell)
                sequence[step] = hidden
        raw = np.maximum(hidden @ self._projection + self._offset, 0)
        return raw / np.linalg.norm(raw, axis=1, keepdims=True)


def partial_starts(samples: int) -> list[int]:
    """Return the first frame of every 1.6 s partial of a recording of so many samples.

    The last one is left out when under 75 % of it would be sound, unless it is the only one (compute_partial_slices).
    """
    frames = -(-(samples + 1) // HOP_SAMPLES)
    starts = list(range(0, max(1, frames - PARTIAL_FRAMES + PARTIAL_STEP_FRAMES + 1), PARTIAL_STEP_FRAMES))
    covered = (samples - starts[-1] * HOP_SAMPLES) / (PARTIAL_FRAMES * HOP_SAMPLES)
    if covered < _MIN_COVERAGE and len(starts) > 1:
        starts.pop()
    return starts
