"""`meeshy serve` with the scripted worker child, for tests of processes: settings come from the environment."""

import sys

from appliance.commands.serve import run_appliance
from appliance.settings import Settings

if __name__ == "__main__":
    run_appliance(
        Settings(), worker_module="appliance.testing.scripted_child", end_with_stdin="--end-with-stdin" in sys.argv
    )
