"""The worker processes of a pool: started, started again when they die, drained, ended."""

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass

from appliance.pool.demand import Seat
from appliance.pool.inventory import Rules
from appliance.pool.layout import Place
from appliance.pool.process import Start, WorkerProcess

log = logging.getLogger(__name__)

FIRST_BACKOFF_S = 0.5
LONGEST_BACKOFF_S = 30.0
STEADY_S = 30.0
"""A process that lived this long starts the back-off over."""
KILL_AGAIN_S = 1.0

Note = Callable[[str, str, str, int | None, str], None]
"""Writes down device, role, what was done, process id and reason."""


@dataclass
class Member:
    """One process of the crew, or the pause before its next start."""

    number: int
    place: Place
    role: str
    since_s: float
    process: WorkerProcess | None = None
    started_s: float = 0.0
    start_at_s: float = 0.0
    backoff_s: float = FIRST_BACKOFF_S
    killed_at_s: float | None = None
    """When a process that was asked to end is ended; None where it was not asked."""
    becomes: str | None = None


class Crew:
    """All processes of a pool; one thread calls it."""

    def __init__(self, rules: Rules, start: Start, note: Note) -> None:
        """Start processes with `start`, tell `note` of everything that happens to one."""
        self._rules, self._start, self._note = rules, start, note
        self._members: list[Member] = []
        self._numbers = 0

    def seats(self, ready: Collection[int] = (), draining: Collection[int] = ()) -> tuple[Seat, ...]:
        """Return the crew for planning: which processes have announced themselves, which are to take nothing more."""
        pids = {each.number: each.process.pid if each.process is not None else None for each in self._members}
        return tuple(
            Seat(
                each.number, each.place.name, each.role, each.since_s,
                ready=pids[each.number] in ready,
                leaving=each.killed_at_s is not None, becomes=each.becomes,
                draining=pids[each.number] in draining,
            )
            for each in self._members
        )  # fmt: skip

    def ages_s(self, now_s: float) -> dict[int, float]:
        """Return the process ids of the crew, each with the seconds since its start."""
        return {each.process.pid: now_s - each.started_s for each in self._members if each.process is not None}

    def pids_of(self, role: str) -> set[int]:
        """Return the process ids of a role."""
        return {each.process.pid for each in self._members if each.process is not None and each.role == role}

    def add(self, place: Place, role: str, reason: str, now_s: float) -> None:
        """Start a process more."""
        self._numbers += 1
        member = Member(self._numbers, place, role, now_s, start_at_s=now_s)
        self._members.append(member)
        self._launch(member, "start", reason, now_s)

    def drain(self, number: int, reason: str, now_s: float, becomes: str | None = None) -> None:
        """Let a process finish its batch and end; then one of the role `becomes` is started, where given."""
        member = next(each for each in self._members if each.number == number)
        member.becomes = becomes
        member.killed_at_s = now_s + self._rules.drain_s
        self._write(member, "change" if becomes else "stop", f"to {becomes}: {reason}" if becomes else reason)
        if member.process is not None:
            member.process.ask_to_end()

    def kill(self, pid: int, reason: str) -> None:
        """End a process at once; it is started again like any that died."""
        for each in self._members:
            if each.process is not None and each.process.pid == pid:
                self._write(each, "killed", reason)
                each.process.kill()

    def tend(self, now_s: float) -> int:
        """Take away those that ended, end those that drain too long, start those that are due.

        Return how many ended: their work can be given to others.
        """
        ended = sum(self._ended(each, now_s) for each in self._members)
        for each in list(self._members):
            if each.process is not None:
                if each.killed_at_s is not None and now_s >= each.killed_at_s:
                    self._write(each, "killed", f"not drained in {self._rules.drain_s:g} s")
                    each.process.kill()
                    each.killed_at_s = now_s + KILL_AGAIN_S
            elif each.killed_at_s is not None:
                self._succeed(each, now_s)
            elif now_s >= each.start_at_s:
                self._launch(each, "start", "again", now_s)
        return ended

    def due_s(self, now_s: float) -> float:
        """Return the seconds until `tend` has something to do without a process having ended."""
        times = [
            each.start_at_s if each.process is None else each.killed_at_s
            for each in self._members
            if each.process is None or each.killed_at_s is not None
        ]
        return max(0.0, min((time for time in times if time is not None), default=now_s + 3600.0) - now_s)

    def leave(self, now_s: float) -> None:
        """Let all finish their batches and end."""
        for seat in self.seats():
            if not seat.leaving or seat.becomes:
                self.drain(seat.number, "the pool ends", now_s)

    @property
    def empty(self) -> bool:
        """Return whether nobody is left."""
        return not self._members

    def _ended(self, member: Member, now_s: float) -> bool:
        code = member.process.ended() if member.process is not None else None
        if member.process is None or code is None:
            return False
        if member.killed_at_s is None:
            self._write(member, "died", f"exit code {code}" if code >= 0 else f"signal {-code}")
            if now_s - member.started_s > STEADY_S:
                member.backoff_s = FIRST_BACKOFF_S
            self._pause(member, now_s)
        member.process = None
        return True

    def _succeed(self, member: Member, now_s: float) -> None:
        """Give the place of a process that has drained to its successor, where one was wanted."""
        self._members.remove(member)
        if member.becomes is not None:
            self.add(member.place, member.becomes, f"in place of {member.role}", now_s)

    def _launch(self, member: Member, action: str, reason: str, now_s: float) -> None:
        try:
            member.process = self._start(member.place, member.role, member.place.shapes[member.role].slots)
        except OSError as failure:
            # No memory, no file descriptors: it passes.
            log.error("a worker could not be started: %s", failure.strerror)
            self._pause(member, now_s)
            return
        member.started_s = now_s
        self._write(member, action, reason)

    def _pause(self, member: Member, now_s: float) -> None:
        member.start_at_s = now_s + member.backoff_s
        member.backoff_s = min(2 * member.backoff_s, LONGEST_BACKOFF_S)

    def _write(self, member: Member, action: str, reason: str) -> None:
        pid = member.process.pid if member.process is not None else None
        self._note(member.place.name, member.role, action, pid, reason)
