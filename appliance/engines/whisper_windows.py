"""Where the speech is in a recording, and which stretches of it go through Whisper as rows of a batch."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

SPEECH_PROBABILITY = 0.5
"""A frame above this starts speech: silero-vad's own default."""

SILENCE_PROBABILITY = 0.35
"""A frame below this may end speech: silero-vad's default of 0.15 below the start."""

SHORTEST_SPEECH_S = 0.16
"""Less than this above SPEECH_PROBABILITY is no speech: plucked notes reach one frame of 0.03 s."""

SHORTEST_PAUSE_S = 0.3
"""Shorter silences belong to the speech around them."""

LONGEST_GAP_S = 5.0
"""A longer silence ends a window: long silences inside a window are where Whisper invents sentences."""

MARGIN_S = 0.4
"""Kept before and after speech, as silero-vad does: soft onsets and endings lie outside its frames."""

LONGEST_WINDOW_S = 28.0
"""Longest stretch of audio in one row; the encoder's limit is 30 s and the margin keeps the last word whole."""

FULL_WINDOW_S = 30.0
"""The window Whisper was trained on."""

TAIL_S = 8.0
"""Zero samples after the audio in a shortened window: tighter ones run away. Of 86 utterances tiny.en ran away on
8 with 5 s and on none with 8 s, where its words were as near to those of a wider beam as those of full windows are."""

_SHORT_WINDOWS_S = (12.0, 16.0, 20.0, 24.0)
# A few classes, not the exact length: rows of one class share a decoder batch, and a row's class depends on
# nothing but its own length, so its text cannot depend on its batch-mates.


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a recording."""

    start_s: float
    end_s: float

    @property
    def length_s(self) -> float:
        """Return its length."""
        return self.end_s - self.start_s


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch that is decoded as one row, margins included, and the speech inside it."""

    start_s: float
    end_s: float
    speech: tuple[Span, ...]

    @property
    def length_s(self) -> float:
        """Return its length."""
        return self.end_s - self.start_s

    @property
    def speech_s(self) -> float:
        """Return how much of it is speech."""
        return sum(span.length_s for span in self.speech)


def speech_spans(probabilities: Sequence[float], frame_s: float) -> list[Span]:
    """Return the stretches of speech in order, from one speech probability per frame; none longer than a window."""
    longest = int((LONGEST_WINDOW_S - 2 * MARGIN_S) / frame_s)
    spans: list[Span] = []
    for first, last in _runs(probabilities, max(1, round(SHORTEST_PAUSE_S / frame_s))):
        voiced = sum(p >= SPEECH_PROBABILITY for p in probabilities[first:last])
        if voiced * frame_s < SHORTEST_SPEECH_S:
            continue
        edges = _cuts(probabilities, first, last, longest)
        spans.extend(Span(a * frame_s, b * frame_s) for a, b in pairwise(edges))
    return spans


def _runs(probabilities: Sequence[float], pause: int) -> list[tuple[int, int]]:
    """Return [first, last) frame ranges of speech, ended by `pause` frames below SILENCE_PROBABILITY."""
    runs: list[tuple[int, int]] = []
    first, quiet_from = None, None
    for i, p in enumerate(probabilities):
        if first is None:
            if p >= SPEECH_PROBABILITY:
                first = i
        elif p >= SILENCE_PROBABILITY:
            quiet_from = None
        else:
            quiet_from = i if quiet_from is None else quiet_from
            if i + 1 - quiet_from >= pause:
                runs.append((first, quiet_from))
                first, quiet_from = None, None
    if first is not None:
        runs.append((first, len(probabilities) if quiet_from is None else quiet_from))
    return runs


def _cuts(probabilities: Sequence[float], first: int, last: int, longest: int) -> list[int]:
    """Return the edges that cut a run into pieces of at most `longest` frames, at its least speech-like frames."""
    edges = [first]
    while last - edges[-1] > longest:
        earliest = edges[-1] + longest // 2
        edges.append(min(range(earliest, edges[-1] + longest), key=probabilities.__getitem__))
    return [*edges, last]


def speech_windows(spans: Sequence[Span], duration_s: float) -> list[Window]:
    """Return the rows that cover all spans: neighbours together up to LONGEST_WINDOW_S, margins never overlapping."""
    groups: list[list[Span]] = []
    for span in spans:
        if groups:
            begin, previous = groups[-1][0].start_s, groups[-1][-1].end_s
            fits = span.end_s - begin <= LONGEST_WINDOW_S - 2 * MARGIN_S
            if fits and span.start_s - previous <= LONGEST_GAP_S:
                groups[-1].append(span)
                continue
        groups.append([span])
    windows = []
    for i, group in enumerate(groups):
        before = groups[i - 1][-1].end_s if i else -MARGIN_S * 2
        after = groups[i + 1][0].start_s if i + 1 < len(groups) else duration_s + MARGIN_S * 2
        start_s = max(0.0, group[0].start_s - min(MARGIN_S, (group[0].start_s - before) / 2))
        end_s = min(duration_s, group[-1].end_s + min(MARGIN_S, (after - group[-1].end_s) / 2))
        windows.append(Window(start_s, end_s, tuple(group)))
    return windows


def padded_length_s(audio_s: float, *, shortened: bool) -> float:
    """Return how long the audio is made with zero samples: 30 s, or the smallest class that leaves TAIL_S."""
    if shortened:
        for length_s in _SHORT_WINDOWS_S:
            if audio_s + TAIL_S <= length_s:
                return length_s
    return FULL_WINDOW_S
