"""Questions of one kind, a few at a time, such that nobody who asks much keeps others from asking."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar, TypeVarTuple, Unpack

from anyio import CapacityLimiter
from anyio.to_thread import run_sync

from appliance.errors import Overloaded
from appliance.owner import Owner

WAITING_RETRY_S = 2.0

_T = TypeVar("_T")
_Arguments = TypeVarTuple("_Arguments")


@dataclass
class _Asker:
    """Who asks: one question of theirs is in work or waits among everybody's, the others stand behind it."""

    turn: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(1))
    questions: int = 0


class Turns:
    """Used from the event loop; whoever asks has one place, so that as many places as wait take as many keys."""

    def __init__(self, threads: int, waiting: int, what: str) -> None:
        """Work on so many questions at once; so many may wait, and so many of one asker behind their own."""
        self._threads = CapacityLimiter(threads)
        self._waiting, self._what = waiting, what
        self._askers: dict[Owner, _Asker] = {}

    async def run(self, who: Owner, call: Callable[[Unpack[_Arguments]], _T], *arguments: *_Arguments) -> _T:
        """Return what the call returns when its turn has come; Overloaded where there is no place to wait in."""
        asker = self._askers.setdefault(who, _Asker())
        if asker.questions > self._waiting:
            raise self._overloaded()
        asker.questions += 1
        try:
            async with asker.turn:
                if self._threads.statistics().tasks_waiting >= self._waiting:
                    raise self._overloaded()
                return await run_sync(call, *arguments, limiter=self._threads)
        finally:
            asker.questions -= 1
            if not asker.questions:
                del self._askers[who]

    def _overloaded(self) -> Overloaded:
        return Overloaded(f"Other questions for {self._what} are in work.", retry_after_s=WAITING_RETRY_S)
