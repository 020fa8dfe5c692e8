"""A process that wants one value: run with a cache's form and address; prints how often it computed it."""

import sys
import time
from pathlib import Path

from appliance.cache.answers import Answer
from appliance.cache.database_cache import DatabaseCache
from appliance.cache.kinds import Kind
from appliance.cache.redis_cache import RedisCache
from appliance.cache.single_flight import computed_once
from appliance.clock import SystemClock
from appliance.owner import Owner
from appliance.settings import Settings
from appliance.storage.database import Database

COMPUTING_S = 0.5


def main(form: str, address: str, folder: str) -> None:
    if form == "redis":
        cache = RedisCache(address, {Kind.CONDITIONING: 100.0})
    else:
        cache = DatabaseCache(Database(address), Settings(data_dir=Path(folder)))
    computed = []

    def compute(keys):
        computed.extend(keys)
        time.sleep(COMPUTING_S)
        return dict.fromkeys(keys, "value")

    def keep(values):
        cache.keep([Answer(k, Owner("a", "u"), Kind.CONDITIONING, v, 100.0, None) for k, v in values.items()])

    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    found = computed_once(
        cache, Kind.CONDITIONING, ["k" * 64], compute, keep, clock=SystemClock(), wait_s=30.0, lease_s=30.0
    )
    assert found == {"k" * 64: "value"}
    sys.stdout.write(f"{len(computed)}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
