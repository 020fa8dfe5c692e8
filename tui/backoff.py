"""How long to wait before asking a silent server again."""

from collections.abc import Callable

SHORTEST_S = 1.0
LONGEST_S = 30.0


class BackOff:
    """Waits of 1, 2, 4 ... 30 s, each shortened by up to a half at random: consoles do not come back together."""

    def __init__(self, random: Callable[[], float]) -> None:
        """Take the source of random numbers between 0 and 1."""
        self._random = random
        self._failures = 0

    def next_s(self) -> float:
        """Count a failure and return the wait after it in seconds, between 1 and 30."""
        full_s = min(LONGEST_S, SHORTEST_S * 2 ** min(self._failures, 10))
        self._failures += 1
        return max(SHORTEST_S, full_s * (1 - self._random() / 2))

    def reset(self) -> None:
        """Begin with the shortest wait again."""
        self._failures = 0
