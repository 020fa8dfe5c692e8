"""`meeshy pool` with scripted workers, for tests of processes: `python -m appliance.testing.scripted_pool FILE`.

With a number of seconds after FILE its workers have perilous engines, which take that long for each batch.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from appliance.commands.pool import run_pool
from appliance.settings import Settings


def _command(role: str) -> Sequence[str]:
    worker = ("scripted_worker", role) if len(sys.argv) < 3 else ("perilous_worker", role, sys.argv[2])
    return (sys.executable, "-m", f"appliance.testing.{worker[0]}", *worker[1:])


if __name__ == "__main__":
    run_pool(Settings(), Path(sys.argv[1]), _command)
