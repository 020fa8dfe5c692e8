"""`meeshy pool` with scripted workers: `python -m appliance.testing.scripted_pool FILE`.

With a number of seconds after FILE its workers have perilous engines, which take that long for each batch.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from appliance.commands.pool import run_pool
from appliance.settings import Settings
from appliance.testing.scripted_options import add_options, passed_on


def _command(given: argparse.Namespace, role: str) -> Sequence[str]:
    if given.perilous_s is not None:
        return (sys.executable, "-m", "appliance.testing.perilous_worker", role, str(given.perilous_s))
    return (sys.executable, "-m", "appliance.testing.scripted_worker", role, *passed_on(given))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("inventory", type=Path)
    parser.add_argument("perilous_s", type=float, nargs="?")
    add_options(parser)
    given = parser.parse_args()
    run_pool(Settings(), given.inventory, lambda role: _command(given, role))
