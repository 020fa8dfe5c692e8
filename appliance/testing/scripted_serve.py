"""`meeshy serve` with the scripted worker child, for tests of processes: settings come from the environment.

With `--hung-after SECONDS` that is what any batch may take, whatever its audio.
"""

import argparse

import msgspec

from appliance.commands.serve import run_appliance
from appliance.pool.embedded import HUNG_BATCHES_ALONE
from appliance.settings import Settings

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--end-with-stdin", action="store_true")
    parser.add_argument("--hung-after", type=float)
    given = parser.parse_args()
    rules = HUNG_BATCHES_ALONE
    if given.hung_after is not None:
        rules = msgspec.structs.replace(rules, hung_base_s=given.hung_after, hung_per_audio_s=0.0)
    run_appliance(
        Settings(), worker_module="appliance.testing.scripted_child", end_with_stdin=given.end_with_stdin,
        rules=rules,
    )  # fmt: skip
