"""When a job would be done, and whether it may be accepted: arithmetic on the backlog, the rates and the workers."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from appliance.jobs.backlog import HEARD, LANGUAGE, Backlog, no_work, work_for
from appliance.jobs.claims import OVERDUE_EVERY
from appliance.jobs.fleet import Fleet, Work
from appliance.jobs.items import length_of
from appliance.jobs.rates import Rates

SHARES = (0.8, 0.3, 0.15)
"""How much of the time that a job's deadline leaves may already be taken by work before it, by priority.

What is left for the more important is what makes the least important be refused first. With the plans as shipped, notes
of 5 s have 13 s (P0), 20 s (P1) and 40 s (P2): P1 and P2 are refused once 5 s of work wait, whatever it is, P0 only by
10 s of work that is as urgent. A fifth is for what no estimate knows: batch-mates, readings that are spoken again.
P1 and P2 could wait longer and be in time; but work that waits is work that P0 meets (tests/chaos/test_overload.py).
"""
KEPT_SHARE = 0.9
"""How full the time up to the deadline of a job that was accepted before may become by accepting a more urgent one."""
BEYOND_SAVING = 1.1
"""Work that needs more than this share of its time is late whoever is refused, and refuses nobody."""
AT_LEAST_S = 1.0
ROUNDED_S = 0.1


@dataclass(frozen=True)
class Asked:
    """A job that wants to be accepted."""

    audio_s: float
    budget_s: float
    """From now to its deadline."""
    languages: int
    """That have to be computed."""
    heard: bool
    """Whether the recording's text is known."""
    priority: int
    plan: str | None = None

    def within(self, other: "Asked") -> bool:
        """Return whether this asks for no more than the other; recordings round what they say of their length."""
        return (
            self.audio_s <= other.audio_s + ROUNDED_S
            and self.languages <= other.languages
            and self.heard >= other.heard
            and (self.priority, self.plan) == (other.priority, other.plan)
        )


@dataclass(frozen=True)
class Verdict:
    """When the job would be done, in seconds from now; and, where it may not be accepted, when to ask again."""

    eta_s: float
    retry_after_s: float | None


@dataclass(frozen=True)
class Outlook:
    """What was known at one moment."""

    taken_s: float
    rates: Rates
    fleet: Fleet
    backlog: Backlog
    scale: float
    """The site's `sla_scale`."""

    def of(self, plan: str | None) -> "Outlook":
        """Return the same for a job of a plan: with the slots that take its work.

        The backlog stays whole, so that work of other plans is counted even where it runs in slots of its own: jobs
        without a reservation are refused rather early, and none is accepted on time that is kept for others.
        """
        return replace(self, fleet=self.fleet.of(plan))

    @property
    def known(self) -> bool:
        """Return whether anything can be foreseen: every family was measured and has a worker."""
        return self.rates.known and self.fleet.complete

    @property
    def binding(self) -> bool:
        """Return whether what is foreseen may refuse anybody: a site promises nothing before it was commissioned.

        Until then its deadlines are those of a fast machine, which a slow one would have to refuse most work for.
        """
        return self.known and self.rates.origin == "commissioned"

    def foresees(self, priority: int) -> bool:
        """Return whether the end of jobs of a priority can be foreseen: an operator may have let them halt."""
        return self.known and not self.backlog.stops(priority)

    def refuses(self, priority: int) -> bool:
        """Return whether what is foreseen may refuse jobs of a priority."""
        return self.binding and not self.backlog.stops(priority)

    def judge(self, asked: Asked, now_s: float) -> Verdict:
        """Return the verdict on a job; only where the outlook is known.

        It may be accepted where the work before it takes no more than its priority's share of what its own way
        through the stages leaves of its time, and where no job that was accepted for later becomes late through it.
        A job that would be late on an idle machine too is accepted by an idle one: waiting would not help it.
        """
        deadline_s = now_s + asked.budget_s
        queue_s, path_s = self.queue_s(deadline_s, now_s), self.path_s(asked)
        room_s = SHARES[min(asked.priority, len(SHARES) - 1)] * max(0.0, asked.budget_s - path_s)
        wait_s = max(queue_s - room_s, self._until_nobody_is_late(asked, deadline_s, now_s))
        return Verdict(queue_s + path_s, max(AT_LEAST_S, wait_s) if wait_s > 0 else None)

    def queue_s(self, until_s: float, now_s: float) -> float:
        """Return how long the workers need for all that comes before a job with that deadline.

        That is what is due by then, and the rest of what is in their hands. Work that is overdue has every fourth
        claim, so it takes a third of the time of the other at most.
        """
        due = [work for second, work in self.backlog.due.items() if int(now_s) <= second <= int(until_s)]
        in_hand = [work for second, work in self.backlog.running.items() if second > int(until_s)]
        late = [work for second, work in self.backlog.due.items() if second < int(now_s)]
        in_time_s = self._time_s([*due, *in_hand])
        return in_time_s + min(self._time_s(late), in_time_s / (OVERDUE_EVERY - 1))

    def all_s(self) -> float:
        """Return how long the workers need for everything."""
        return self._time_s(list(self.backlog.due.values()))

    def own(self, asked: Asked) -> Work:
        """Return the work of a job."""
        length = length_of(asked.audio_s)
        once = work_for(self.rates, () if asked.heard else HEARD, length, asked.audio_s)
        each = work_for(self.rates, LANGUAGE, length, asked.audio_s)
        return [a + asked.languages * b for a, b in zip(once, each, strict=True)]

    def path_s(self, asked: Asked) -> float:
        """Return how long a job is in workers' hands with nothing before it: stages in order, languages side by side.

        As far as there are workers for that, and each stage as long as its batch.
        """
        length = length_of(asked.audio_s)
        turns = -(-asked.languages // min(self.fleet.slots.values()))
        stays = [self.rates.stay(family, length) for family in (() if asked.heard else HEARD)]
        stays += [turns * self.rates.stay(family, length) for family in LANGUAGE]
        return asked.audio_s * sum(stays)

    def remaining_s(self, deadline_s: float, path_s: float, now_s: float) -> float:
        """Return when an accepted job will be done: behind what comes before it, and after its own way at the least."""
        if int(deadline_s) >= int(now_s):
            return max(path_s, self.queue_s(deadline_s, now_s))
        late = [work for second, work in self.backlog.due.items() if second <= int(deadline_s)]
        return max(path_s, min(self.all_s(), OVERDUE_EVERY * self._time_s(late)))

    def _until_nobody_is_late(self, asked: Asked, deadline_s: float, now_s: float) -> float:
        """Return in how many seconds its deadline would lie behind that of the last job that it would make late."""
        own_s, wait_s = self.fleet.time_s(self.own(asked)), 0.0
        for second, taken_s in self._taken(now_s):
            left_s = second - now_s
            if second > deadline_s and KEPT_SHARE * left_s - own_s < taken_s <= BEYOND_SAVING * left_s:
                wait_s = max(wait_s, second + 1 - deadline_s)
        return wait_s

    def _taken(self, now_s: float) -> Iterator[tuple[int, float]]:
        """Yield each second that work is due in, with what `queue_s` says for it, in one pass."""
        late_s = self._time_s([work for second, work in self.backlog.due.items() if second < int(now_s)])
        due = no_work()
        in_hand = [sum(parts) for parts in zip(no_work(), *self.backlog.running.values(), strict=True)]
        for second in sorted(self.backlog.due):
            if second in self.backlog.running:
                in_hand = [a - b for a, b in zip(in_hand, self.backlog.running[second], strict=True)]
            if second >= int(now_s):
                due = [a + b for a, b in zip(due, self.backlog.due[second], strict=True)]
                in_time_s = self.fleet.time_s([a + b for a, b in zip(due, in_hand, strict=True)])
                yield second, in_time_s + min(late_s, in_time_s / (OVERDUE_EVERY - 1))

    def _time_s(self, works: list[Work]) -> float:
        return self.fleet.time_s([sum(parts) for parts in zip(*works, strict=True)]) if works else 0.0
