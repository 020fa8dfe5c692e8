"""How long the database may say nothing before it counts as away, and whether it did a moment ago."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

RETRY_S = 1.0
"""After a server was found away, everybody else is refused at once for so long: requests must not queue to find out."""


@dataclass(frozen=True, kw_only=True)
class Patience:
    """Limits of one process, in seconds; the first two are kept by the client, the others by the server."""

    connect_s: float = 3.0
    silence_s: float = 3.0
    """How long a statement may be silent before the server is asked whether it is still there."""
    lock_s: float = 10.0
    statement_s: float = 60.0
    idle_s: float = 10.0
    """Between two statements of a transaction: a stopped process must not keep what it has locked."""

    def parameters(self) -> dict[str, Any]:
        """Return libpq's connection parameters for these limits."""
        limits = {
            "lock_timeout": self.lock_s,
            "statement_timeout": self.statement_s,
            "idle_in_transaction_session_timeout": self.idle_s,
        }
        return {
            "options": " ".join(f"-c {name}={round(limit_s * 1000)}" for name, limit_s in limits.items()),
            "connect_timeout": max(2, round(self.connect_s)),
            # For a network that swallows everything: what is sent must be acknowledged, an idle connection too.
            "keepalives_idle": 5,
            "keepalives_interval": 2,
            "keepalives_count": 3,
            "tcp_user_timeout": 5000,
        }


WORKING = Patience()
ANSWERING = Patience(connect_s=1.0, silence_s=0.6, lock_s=5.0)
"""For processes whose clients wait: silence and connection together stay below two seconds."""


class Outage:
    """Whether the server was found away a moment ago; shared by all connections of an engine."""

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        """Know of no outage yet."""
        self._clock_s, self._until_s = clock_s, float("-inf")

    def begin(self) -> None:
        """Note that the server did not answer."""
        self._until_s = self._clock_s() + RETRY_S

    def lasts(self) -> bool:
        """Return whether the server was found away within the last second."""
        return self._clock_s() < self._until_s
