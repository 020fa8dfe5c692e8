"""`meeshy worker` with engines that take their time: `python -m appliance.testing.timed_worker ROLE [SLOTS]`."""

import sys

from appliance.settings import Settings
from appliance.telemetry.logs import configure_logs
from appliance.testing.timed import timed
from appliance.workers.roles import BATCH_LIMITS, ROLES, limits_of
from appliance.workers.standalone import run_worker

if __name__ == "__main__":
    settings = Settings()
    configure_logs(settings.log_level)
    families = {family: BATCH_LIMITS[family] for family in ROLES[sys.argv[1]]}
    slots = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    run_worker(settings, limits_of(families, settings.batch_limits), timed, slots=slots)
