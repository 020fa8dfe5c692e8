"""Keeping other programs out of the figures: a run is repeated when they used the cores meanwhile.

What is looked at is the processor time of everything outside the bench, never the run's own duration, so that no run
is dropped for being slow or fast.
"""

import os
import time
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path

from appliance.bench.rounds import Sample, Turn
from appliance.clock import Clock

MOST_OTHERS = 0.1
"""Cores that others may use during a run; housekeeping of an idle machine stays far below."""
MOST_REPEATS = 3
LOOK_S = 1.0
LONGEST_WAIT_S = 60.0

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_STATE, _PARENT, _FIRST_TIME = 0, 1, 11  # fields of /proc/PID/stat behind the command's closing parenthesis, proc(5)


def others_cpu_s(also_own: Collection[int] = ()) -> float:
    """Return the processor seconds that everything but this process and its descendants has used since boot.

    `also_own` are processes that count as its children: servers that have put themselves in the background.
    """
    user, nice, system, _idle, _iowait, irq, soft_irq, steal, *_ = _cpu_ticks()
    return (user + nice + system + irq + soft_irq + steal) * _TICK_S - cpu_of_trees_s({os.getpid(), *also_own})


def undisturbed(
    turn: Turn,
    clock: Clock,
    others_s: Callable[[], float] = others_cpu_s,
    sleep: Callable[[float], None] = time.sleep,
) -> Turn:
    """Return a turn that waits for quiet, runs, and runs again while others used the cores; the quietest run is kept.

    Where it never gets quiet it gives up after LONGEST_WAIT_S and MOST_REPEATS, and the sample says so.
    """

    def run() -> Sample:
        quietest: Sample | None = None
        for _ in range(1 + MOST_REPEATS):
            _wait(clock, others_s, sleep)
            before_s, began_s = others_s(), clock.monotonic_s()
            sample = turn()
            lasted_s = max(clock.monotonic_s() - began_s, 1e-3)
            sample = replace(sample, others=max(0.0, others_s() - before_s) / lasted_s)
            if quietest is None or sample.others < quietest.others:
                quietest = sample
            if quietest.others <= MOST_OTHERS:
                break
        assert quietest is not None
        return quietest

    return run


def _wait(clock: Clock, others_s: Callable[[], float], sleep: Callable[[float], None]) -> None:
    until_s = clock.monotonic_s() + LONGEST_WAIT_S
    while clock.monotonic_s() < until_s:
        before_s, began_s = others_s(), clock.monotonic_s()
        sleep(LOOK_S)
        if others_s() - before_s <= MOST_OTHERS * (clock.monotonic_s() - began_s):
            return


def _cpu_ticks() -> list[int]:
    return [int(field) for field in Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:]]


def cpu_of_trees_s(roots: Collection[int]) -> float:
    """Return the seconds of these processes and their living descendants, with those of children they waited for."""
    parents: dict[int, int] = {}
    ticks: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            stat = (entry / "stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue  # ended meanwhile
        fields = stat.rpartition(")")[2].split()
        parents[int(entry.name)] = int(fields[_PARENT])
        ticks[int(entry.name)] = sum(int(field) for field in fields[_FIRST_TIME : _FIRST_TIME + 4])
    own = set(roots)
    grown = True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in own} - own
        own |= more
        grown = bool(more)
    return sum(ticks.get(pid, 0) for pid in own) * _TICK_S
