"""When a reading is good enough, when another is worth trying, and which of several is the best."""

from collections.abc import Sequence
from typing import Protocol, TypeVar


class Measured(Protocol):
    """What a verdict looks at."""

    @property
    def wer(self) -> float:
        """Return the word error rate of what was heard against what should be said."""
        ...

    @property
    def similarity(self) -> float | None:
        """Return the speaker similarity, None where it does not apply."""
        ...


_Reading = TypeVar("_Reading", bound=Measured)


def faults(reading: Measured, *, max_wer: float, min_similarity: float, voice_kind: str) -> tuple[str, ...]:
    """Return why a reading is not acceptable, empty when it is; a stock voice need not resemble the speaker."""
    found = []
    if reading.wer > max_wer:
        found.append(f"word error rate {reading.wer:.2f} is above {max_wer:.2f}")
    if voice_kind != "stock" and reading.similarity is not None and reading.similarity < min_similarity:
        found.append(f"speaker similarity {reading.similarity:.2f} is below {min_similarity:.2f}")
    return tuple(found)


def best(readings: Sequence[_Reading]) -> _Reading:
    """Return the reading with the fewest wrong words, and among those the one most like the speaker."""
    return min(readings, key=lambda reading: (round(reading.wer, 3), -(reading.similarity or 0.0)))
