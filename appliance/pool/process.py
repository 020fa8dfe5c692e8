"""One worker process: in a process group of its own, tied to the pool by a pipe whose end tells it to end too."""

import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from appliance.pool.layout import Place

Start = Callable[[Place, str, int], "WorkerProcess"]
"""Starts a worker on a place for a role with so many slots; raises OSError."""


class WorkerProcess:
    """A started worker; whoever made it waits for it."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start it; raises OSError where the machine has no room for another process."""
        # Nobody writes to the pipe. The kernel closes our end when the pool ends in whatever way, and the worker's
        # `--end-with-stdin` reads that; other workers do not inherit it.
        self._process = subprocess.Popen(
            command, env=dict(environment), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, process_group=0
        )
        self.pid = self._process.pid

    def ask_to_end(self) -> None:
        """Let it finish the batch in hand and end."""
        self._process.terminate()

    def kill(self) -> None:
        """End it at once, with every process that it started."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    def ended(self) -> int | None:
        """Return its exit code once it has ended, negative for a signal, and end what it left running; else None."""
        # Looked at without taking it away: until it is reaped, its number cannot belong to another process group.
        if os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            return None
        self.kill()
        code = self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
        return code


def environment_for(place: Place, role: str, settings: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of workers on a place: the pool's settings, batches, and the one GPU or none."""
    environment = dict(settings)
    environment["CUDA_VISIBLE_DEVICES"] = "" if place.gpu is None else str(place.gpu)
    # CUDA counts the fastest first by default, the driver and with it the inventory by the order on the bus.
    environment["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"
    environment["MEESHY_DEVICE"] = "cpu" if place.gpu is None else "cuda"
    if place.threads is not None:
        environment["MEESHY_THREADS"] = str(place.threads)
    # What is named last holds: the site's setting for what the device's role leaves open.
    batches = [
        environment.get("MEESHY_BATCH_LIMITS", ""),
        *(f"{name}={most}" for name, most in place.shapes[role].batch.items()),
    ]
    if any(batches):
        environment["MEESHY_BATCH_LIMITS"] = ",".join(filter(None, batches))
    return environment
