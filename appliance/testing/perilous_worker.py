"""`meeshy worker` with perilous engines: `python -m appliance.testing.perilous_worker ROLE SECONDS_PER_BATCH`."""

import sys

from appliance.settings import Settings
from appliance.telemetry.logs import configure_logs
from appliance.testing.perilous import perilous
from appliance.workers.roles import BATCH_LIMITS, ROLES, limits_of
from appliance.workers.standalone import run_worker

if __name__ == "__main__":
    settings = Settings()
    configure_logs(settings.log_level)
    families = {family: BATCH_LIMITS[family] for family in ROLES[sys.argv[1]]}
    run_worker(settings, limits_of(families, settings.batch_limits), perilous(float(sys.argv[2])))
