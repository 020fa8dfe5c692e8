"""`meeshy worker` with scripted engines: `python -m appliance.testing.scripted_worker ROLE`."""

import argparse

from appliance.settings import Settings
from appliance.telemetry.logs import configure_logs
from appliance.testing.scripted_options import add_options, build_of
from appliance.workers.roles import ROLES, limits_of_role
from appliance.workers.standalone import run_worker
from appliance.workers.workshop import Build


def command_line() -> argparse.ArgumentParser:
    """Return the parser of what a pool gives its workers."""
    parser = argparse.ArgumentParser()
    parser.add_argument("role", choices=list(ROLES))
    parser.add_argument("--slots", type=int, default=1)
    parser.add_argument("--end-with-stdin", action="store_true")
    return parser


def work(given: argparse.Namespace, build: Build) -> None:
    """Work as that command line says, with settings from the environment, until the process is asked to end."""
    settings = Settings()
    configure_logs(settings.log_level)
    run_worker(
        settings, limits_of_role(given.role, settings.batch_limits), build, slots=given.slots,
        end_with_stdin=given.end_with_stdin,
    )  # fmt: skip


if __name__ == "__main__":
    parser = command_line()
    add_options(parser)
    given = parser.parse_args()
    work(given, build_of(given))
