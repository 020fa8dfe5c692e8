"""Kokoro's stock voices as a basis: what each sounds like, and voices as weights over them.

A Kokoro voice is one style vector per utterance length, [510, 256]. Its first 128 numbers go to the decoder (timbre),
the other 128 to the predictors of duration, pitch and energy (prosody): kokoro/model.py `forward_with_tokens`,
hexgrad/kokoro. The two halves are mixed on their own, so a high voice can have a deep one's timbre.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from appliance.engines.protocols import Voice
from appliance.engines.voice_version import content_version
from appliance.errors import EngineFailed, ModelCorrupt, ModelMissing

ENGINE = "kokoro"
STYLE_ROWS = 510
STYLE_WIDTH = 256
TIMBRE_WIDTH = 128
STOCK_FACTS = Path(__file__).with_name("kokoro_stock.npz")
"""Embedding and median F0 of every stock voice's own speech; `python -m appliance.voices.build_stock` makes it."""

DEFAULT_VOICES = {
    "en": "af_heart",
    "es": "ef_dora",
    "fr": "ff_siwis",
    "hi": "hf_alpha",
    "it": "if_sara",
    "pt": "pf_dora",
}
_NATIVE_PREFIXES = {"en": "ab", "es": "e", "fr": "f", "hi": "h", "it": "i", "pt": "p"}


@dataclass(frozen=True, slots=True)
class StockFacts:
    """What the stock voices sound like to a speaker encoder: embeddings [voices, 256], F0 in Hz [voices]."""

    names: tuple[str, ...]
    embeddings: np.ndarray
    f0_hz: np.ndarray
    model_sha256: str
    encoder: str

    def natives(self, language: str) -> list[int]:
        """Return the indexes of the voices that were recorded in a language (Kokoro's first letter)."""
        return [n for n, name in enumerate(self.names) if name[0] in _NATIVE_PREFIXES[language]]


def read_stock_facts(path: Path = STOCK_FACTS) -> StockFacts:
    """Return the facts about the stock voices, or raise ModelMissing."""
    if not path.is_file():
        raise ModelMissing(f"'{path.name}' is missing; `python -m appliance.voices.build_stock` makes it.")
    with np.load(path, allow_pickle=False) as facts:
        return StockFacts(
            tuple(str(name) for name in facts["names"]),
            facts["embeddings"].astype(np.float64),
            facts["f0_hz"].astype(np.float64),
            str(facts["model_sha256"]),
            str(facts["encoder"]),
        )


def read_styles(voices: Path, names: tuple[str, ...] | None = None) -> tuple[tuple[str, ...], np.ndarray]:
    """Return the voices' names and their styles float32 [voices, 510, 256] from a folder of `<name>.bin`.

    With names, these in this order. Raises ModelMissing for an absent voice, ModelCorrupt for one of another size.
    """
    found = names or tuple(sorted(path.stem for path in voices.glob("*.bin")))
    if not found:
        raise ModelMissing("The folder of Kokoro's voices is empty.")
    styles = np.empty((len(found), STYLE_ROWS, STYLE_WIDTH), np.float32)
    for n, name in enumerate(found):
        path = voices / f"{name}.bin"
        if not path.is_file():
            raise ModelMissing(f"Kokoro's voice '{name}' is not installed.")
        style = np.fromfile(path, "<f4")
        if style.size != STYLE_ROWS * STYLE_WIDTH or not np.isfinite(style).all():
            raise ModelCorrupt(f"Kokoro's voice '{name}' is damaged.")
        styles[n] = style.reshape(STYLE_ROWS, STYLE_WIDTH)
    return found, styles


def make_voice(
    kind: Literal["stock", "matched"],
    timbre: np.ndarray,
    prosody: np.ndarray,
    parameters: Mapping[str, float] | None = None,
) -> Voice:
    """Return a voice from its weights [voices] over the stock voices; its version is the hash of all of them."""
    arrays = {"timbre": timbre.astype(np.float32), "prosody": prosody.astype(np.float32)}
    scalars = {"speed": 1.0, **(parameters or {})}
    return Voice(kind, ENGINE, arrays, content_version(ENGINE, arrays, scalars), scalars)


def style_of(voice: Voice, styles: np.ndarray, row: int) -> np.ndarray:
    """Return the style float32 [1, 256] of a voice for utterances of `row` + 1 tokens, or raise EngineFailed."""
    timbre, prosody = voice.arrays.get("timbre"), voice.arrays.get("prosody")
    if voice.engine != ENGINE or timbre is None or prosody is None or {len(timbre), len(prosody)} != {len(styles)}:
        raise EngineFailed("This voice was not made for the installed Kokoro voices.")
    at = styles[:, row]
    mixed = np.concatenate([timbre @ at[:, :TIMBRE_WIDTH], prosody @ at[:, TIMBRE_WIDTH:]])
    if not np.isfinite(mixed).all():
        raise EngineFailed("This voice holds values that are not numbers.")
    return mixed.astype(np.float32)[None]
