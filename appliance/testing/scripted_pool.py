"""`meeshy pool` with scripted workers, for tests of processes: `python -m appliance.testing.scripted_pool FILE`."""

import sys
from pathlib import Path

from appliance.commands.pool import run_pool
from appliance.settings import Settings

if __name__ == "__main__":
    run_pool(
        Settings(),
        Path(sys.argv[1]),
        lambda role: (sys.executable, "-m", "appliance.testing.scripted_worker", role),
    )
