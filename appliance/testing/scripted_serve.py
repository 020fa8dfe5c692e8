"""`meeshy serve` with the scripted worker child, for tests of processes: settings come from the environment."""

from appliance.commands.serve import run_appliance
from appliance.settings import Settings

if __name__ == "__main__":
    run_appliance(Settings(), worker_module="appliance.testing.scripted_child")
