"""What a fleet's processes hold in memory while a load lasts."""

import threading
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.chaos.fleet import Slot, children_of

LOOK_EVERY_S = 2.0
_KIB = 1024
_MIB = 1024 * 1024


class Memory:
    """Looks at kept processes, each with its children, until the block ends."""

    def __init__(self, slots: Iterable[Slot]) -> None:
        self._slots = list(slots)
        self._looks: list[tuple[float, dict[str, float]]] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="memory", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def highest_mib(self, of_parts: int = 3) -> dict[str, list[float]]:
        """Return, for each process, the most that it held in each of so many equal parts of the time."""
        first_s, last_s = self._looks[0][0], self._looks[-1][0]
        parts: dict[str, list[float]] = {name: [0.0] * of_parts for name in self._looks[0][1]}
        for at_s, held in self._looks:
            part = min(of_parts - 1, int(of_parts * (at_s - first_s) / max(last_s - first_s, LOOK_EVERY_S)))
            for name, mib in held.items():
                parts[name][part] = max(parts[name][part], mib)
        return parts

    def _run(self) -> None:
        self._look()
        while not self._over.wait(LOOK_EVERY_S):
            self._look()

    def _look(self) -> None:
        held = {
            f"{slot.kind}-{number}": sum(map(_held_mib, [slot.process.pid, *children_of(slot.process.pid)]))
            for number, slot in enumerate(self._slots)
        }
        self._looks.append((time.monotonic(), held))


def _held_mib(pid: int) -> float:
    """Return a process's memory, what it shares counted by its share, 0 where it is gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) * _KIB / _MIB for line in lines if line.startswith("Pss:")), 0.0)
