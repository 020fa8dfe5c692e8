"""Whether one person speaks in a recording: the two most different groups of its windows, and how alike they are."""

import numpy as np

from appliance.engines.protocols import SPEECH_RATE_HZ, Samples, SpeakerEncoder
from appliance.errors import MeeshyError

WINDOW_S = 2.4
HOP_S = 1.2
LEAST_SHARE = 0.15
"""A group with less of the speech is a laugh or a cough, or too little of another voice to change the embedding."""
MOST_WINDOWS = 60
"""Longer recordings are looked at in steps that give so many windows: 60 find a change of speaker anywhere."""


def halves_similarity(speech: Samples, encoder: SpeakerEncoder) -> float | None:
    """Return the similarity of the two least similar groups of windows of 16 kHz speech, None where it is too short.

    Each pair of windows is tried as two speakers; every window goes to the one that it resembles more, and the groups'
    mean embeddings are compared. The least over all pairs with two groups of LEAST_SHARE or more counts: low where two
    people speak, whether one after the other or by turns.
    """
    windows = _windows(np.asarray(speech, np.float32))
    if len(windows) < 4:
        return None
    found = [row for row in encoder.embed(windows) if not isinstance(row, MeeshyError)]
    return least_similar_split(np.asarray(found, np.float64)) if len(found) >= 4 else None


def least_similar_split(embeddings: np.ndarray) -> float:
    """Return the least similarity of two groups of unit vectors [windows, width], each LEAST_SHARE and two at least."""
    count = len(embeddings)
    alike = embeddings @ embeddings.T
    one, other = np.triu_indices(count, 1)
    first = alike[one] >= alike[other]  # [pairs, windows]: which of the two seeds each window resembles more
    sizes = first.sum(axis=1)
    least = max(2, int(np.ceil(LEAST_SHARE * count)))
    fair = (sizes >= least) & (count - sizes >= least)
    if not fair.any():
        return 1.0
    groups = first[fair].astype(np.float64)
    sums, rest = groups @ embeddings, (1 - groups) @ embeddings
    lengths = np.linalg.norm(sums, axis=1) * np.linalg.norm(rest, axis=1)
    return float(np.min(np.einsum("ij,ij->i", sums, rest) / np.maximum(lengths, 1e-12)))


def _windows(speech: np.ndarray) -> list[np.ndarray]:
    size = round(WINDOW_S * SPEECH_RATE_HZ)
    hop = max(round(HOP_S * SPEECH_RATE_HZ), (len(speech) - size) // MOST_WINDOWS)
    return [speech[start : start + size] for start in range(0, len(speech) - size + 1, hop)]
