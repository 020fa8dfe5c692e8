"""Signs of life of a request that takes long: sent between two steps of the model, so a model that hangs gives none."""

import socket
import time
from collections.abc import Callable

from appliance.engines.xtts_process.frames import send
from appliance.engines.xtts_process.stopping import Asked

EVERY_S = 1.0
"""A step takes 10 to 300 ms: the other side need not hear of each."""


class Pulse:
    """Asked by the model after each step whether to give up; now and then it tells the other side of the step."""

    def __init__(
        self,
        link: socket.socket,
        number: int,
        cancelled: Asked,
        every_s: float = EVERY_S,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Tell of the request with this number, at most once in `every_s` seconds."""
        self._link = link
        self._number = number
        self._cancelled = cancelled
        self._every_s = every_s
        self._monotonic_s = monotonic_s
        self._told_s = monotonic_s()

    def __call__(self) -> bool:
        """Return whether the request was cancelled; raises Closed where nobody is there to be told."""
        now_s = self._monotonic_s()
        if now_s - self._told_s >= self._every_s:
            self._told_s = now_s
            send(self._link, {"id": self._number, "progress": True})
        return self._cancelled()
