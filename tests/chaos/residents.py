"""How much memory processes hold while they work, read from the kernel in a thread beside them."""

import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

EVERY_S = 5.0


class Residents:
    """Samples of the resident memory of named processes, as long as the context lasts."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids = pids
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="residents", daemon=True)
        self.samples: dict[str, list[tuple[float, int]]] = {name: [] for name in pids}
        """Seconds and bytes, by process."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()

    def growth_bytes_per_min(self, name: str, after_s: float = 0.0) -> float:
        """Return the slope of a line through a process's samples that are later than so many seconds."""
        samples = [(at_s, held) for at_s, held in self.samples[name] if at_s >= self.samples[name][0][0] + after_s]
        mean_s = sum(at_s for at_s, _ in samples) / len(samples)
        mean = sum(held for _, held in samples) / len(samples)
        spread = sum((at_s - mean_s) ** 2 for at_s, _ in samples)
        slope = sum((at_s - mean_s) * (held - mean) for at_s, held in samples) / spread if spread else 0.0
        return 60 * slope

    def largest_bytes(self, name: str) -> int:
        return max(held for _, held in self.samples[name])

    def _watch(self) -> None:
        while True:
            for name, pid in self._pids.items():
                with suppress(OSError):
                    self.samples[name].append((time.monotonic(), resident_bytes(pid)))
            if self._done.wait(EVERY_S):
                return


def resident_bytes(pid: int) -> int:
    """Return what a process holds in memory."""
    status = Path(f"/proc/{pid}/status").read_text()
    return 1024 * int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])
