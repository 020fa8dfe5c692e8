"""A process of a measurement: it ends with the bench, can be held for a while, and tells its processor time."""

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from appliance.testing.standstill import standing_still

END_S = 30.0
LOG_TAIL = 1500
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_FIRST_TIME = 11  # of /proc/PID/stat behind the command's closing parenthesis, proc(5)


class Process:
    """Started when it is made."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        """Start it; what it says on standard error goes to the log."""
        self.log = log
        with log.open("ab") as stream:
            # Nobody writes to the pipe: its end tells a process that reads it that the bench is gone.
            self._process = subprocess.Popen(
                command, env=dict(environment), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=stream,
                start_new_session=True,
            )  # fmt: skip
        self.pid = self._process.pid

    @property
    def alive(self) -> bool:
        """Return whether it runs."""
        return self._process.poll() is None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let it stand still, without a batch in hand, while work is put before it."""
        with standing_still(self.pid):
            yield

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """Let it finish what it has in hand and end."""
        if self.alive:
            self._process.terminate()
            try:
                self._process.wait(END_S)
            except subprocess.TimeoutExpired:
                self.kill()
        if self._process.stdin is not None:
            self._process.stdin.close()

    def said(self) -> str:
        """Return the end of its log."""
        return self.log.read_text(errors="replace")[-LOG_TAIL:].strip()


def cpu_s(pid: int) -> float:
    """Return the processor seconds that a process has used, without those of its children."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[_FIRST_TIME]) + int(fields[_FIRST_TIME + 1])) * _TICK_S
