"""Sound as frames: where it sounds, where it pauses, and whether it turns in a circle."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from appliance.engines.protocols import Samples

HOP_S = 0.01
WINDOW_S = 0.025
BANDS = 24
BAND_HZ = (100.0, 7_000.0)
SOUNDING_DB = 35.0
"""A frame sounds if it is at most this far below the loudest."""
SHORTEST_PAUSE_S = 0.08
"""Closures of stops are shorter."""

REPEAT_LAGS_S = (0.12, 2.0)
REPEAT_LIKENESS = 0.9
"""Mean cosine of spectra one lag apart."""
REPEAT_CYCLES = 2.0
"""So many lags long has the likeness to last: a word that is said twice lasts one."""
REPEAT_LEAST_S = 0.9


@dataclass(frozen=True, slots=True)
class Frames:
    """Levels [frames] in dB below the loudest, and centred, unit-length spectra [frames, bands]; one per 10 ms."""

    sounding: Samples
    spectra: Samples

    def sounding_s(self, from_s: float = 0.0, until_s: float | None = None) -> float:
        """Return the time from the first to the last frame that sounds between two times, pauses within left out."""
        first = round(from_s / HOP_S)
        last = None if until_s is None else round(until_s / HOP_S)
        some = self.sounding[first:last]
        places = np.flatnonzero(some)
        if not len(places):
            return 0.0
        paused_s = sum(end - start for start, end in _gaps(some))
        return float((places[-1] - places[0] + 1) * HOP_S - paused_s)

    def pauses(self) -> list[tuple[float, float]]:
        """Return start and end in seconds of every pause between two sounding frames."""
        return list(_gaps(self.sounding))

    def repeats(self) -> bool:
        """Return whether a stretch comes three times over without a break, or one sound is held."""
        shortest, longest = (round(lag / HOP_S) for lag in REPEAT_LAGS_S)
        return any(self._repeats_every(lag) for lag in range(shortest, min(longest, len(self.spectra) // 2) + 1))

    def _repeats_every(self, lag: int) -> bool:
        both = self.sounding[lag:] & self.sounding[:-lag]
        likeness = np.einsum("tb,tb->t", self.spectra[lag:], self.spectra[:-lag])
        # Silence resembles silence: it counts neither for nor against.
        likeness = np.where(both, likeness, np.nan)
        length = max(round(REPEAT_CYCLES * lag), round(REPEAT_LEAST_S / HOP_S))
        if len(likeness) < length:
            return False
        known = np.concatenate([[0], np.cumsum(~np.isnan(likeness))])
        total = np.concatenate([[0.0], np.cumsum(np.nan_to_num(likeness))])
        counts = known[length:] - known[:-length]
        means = (total[length:] - total[:-length]) / np.maximum(counts, 1)
        return bool(np.any((counts > 0.6 * length) & (means > REPEAT_LIKENESS)))


def frames_of(samples: Samples, rate_hz: int) -> Frames:
    """Return the frames of mono samples that are not silent."""
    hop, size = round(HOP_S * rate_hz), round(WINDOW_S * rate_hz)
    padded = np.pad(np.asarray(samples, np.float64), (size // 2, size))
    windows = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]
    power = np.abs(np.fft.rfft(windows * np.hanning(size), axis=1)) ** 2
    total_db = 10 * np.log10(power.sum(axis=1) + 1e-12)
    sounding = total_db > total_db.max() - SOUNDING_DB
    bands_db = 10 * np.log10(power @ _bands(size, rate_hz) + 1e-9)
    centred = bands_db - bands_db[sounding].mean(axis=0)
    centred -= centred.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(centred, axis=1, keepdims=True)
    return Frames(sounding, centred / np.maximum(lengths, 1e-9))


def _bands(size: int, rate_hz: int) -> Samples:
    """Return which bin belongs to which band [bins, bands], with edges evenly spaced in log frequency."""
    hz = np.fft.rfftfreq(size, 1 / rate_hz)
    edges = np.geomspace(*BAND_HZ, BANDS + 1)
    return np.stack([(hz >= low) & (hz < high) for low, high in pairwise(edges)], axis=1) * 1.0


def _gaps(sounding: Samples) -> Iterator[tuple[float, float]]:
    places = np.flatnonzero(sounding)
    for before, after in pairwise(places):
        if (after - before - 1) * HOP_S >= SHORTEST_PAUSE_S:
            yield (before + 1) * HOP_S, after * HOP_S
