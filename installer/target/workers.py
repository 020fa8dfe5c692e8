"""Whether this machine's own workers work: those that its pool has started since the pool itself was started."""

import json
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from installer.target.failure import TargetFailed

MEESHY = "/usr/local/sbin/meeshy"
INVENTORY = "/etc/meeshy/pool.toml"
POOL = "meeshy-pool.service"
LOOK_EVERY_S = 2.0


@dataclass(frozen=True, slots=True)
class Proof:
    """What the pool of a machine owes, and what its workers have shown."""

    wanted: int
    working: int
    silent: int
    """Workers that speak, but have not spoken yet."""

    @property
    def holds(self) -> bool:
        """Return whether nothing is missing."""
        return self.working >= self.wanted and self.silent == 0

    def says(self) -> str:
        """Return it for people."""
        return f"{self.working} of {self.wanted} workers work, {self.silent} have not spoken yet"


def judge_workers(status: Mapping[str, Any], pool: Mapping[str, Any], host: str, pool_age_s: float) -> Proof:
    """Return what `meeshy status --json` and `meeshy pool --check --json` say about a host whose pool has this age.

    A worker counts that lives on this host and is younger than its pool; one that speaks only after its first words.
    """
    wanted = sum(role["processes_min"] for role in pool["roles"])
    figures = status.get("figures") or {"workers": []}
    own = [
        each
        for each in figures["workers"]
        if each["living"] and each["host"] == host and each["started_ago_s"] <= pool_age_s
    ]
    silent = sum("synthesize" in each["families"] and not each["proven"] for each in own)
    return Proof(wanted, len(own) - silent, silent)


def await_workers(
    patience_s: float,
    look: Callable[[], Proof] | None = None,
    now_s: Callable[[], float] = time.monotonic,
    wait: Callable[[float], None] = time.sleep,
) -> Proof:
    """Return the proof once it holds, or raise TargetFailed with what was missing when the patience was over."""
    look = look or _look
    began_s = now_s()
    while not (proof := look()).holds:
        if now_s() - began_s > patience_s:
            raise TargetFailed(f"{proof.says()} after {patience_s:g} s; journalctl -u {POOL} says why.")
        wait(LOOK_EVERY_S)
    return proof


def _look() -> Proof:
    pool = json.loads(_told([MEESHY, "pool", "--inventory", INVENTORY, "--check", "--json"], (0,)))
    # It ends with 1 where anything needs attention, which is no matter here.
    status = json.loads(_told([MEESHY, "status", "--json"], (0, 1)))
    return judge_workers(status, pool, socket.gethostname()[:80].partition(":")[0], _pool_age_s())


def _pool_age_s() -> float:
    shown = _told(["systemctl", "show", "--property=InactiveExitTimestampMonotonic", "--value", POOL], (0,)).strip()
    return time.monotonic() - int(shown or 0) / 1e6


def _told(command: Sequence[str], codes: Sequence[int]) -> str:
    told = subprocess.run(command, check=False, capture_output=True, text=True)
    if told.returncode not in codes:
        lines = (told.stderr or told.stdout).strip().splitlines()
        raise TargetFailed(f"{' '.join(command)}: {' '.join(lines[-3:])}")
    return told.stdout
