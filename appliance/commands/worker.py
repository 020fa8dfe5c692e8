"""`meeshy worker`: one worker process, for one role."""

import click

from appliance.settings import Settings
from appliance.telemetry.logs import configure_logs
from appliance.workers.roles import BATCH_LIMITS, ROLES, limits_of


@click.command("worker")
@click.option(
    "--role", type=click.Choice(list(ROLES)), default="all", show_default=True, help="Which work this process takes."
)
@click.option("--batch", "batches", multiple=True, metavar="FAMILY=N", help="Largest batch of a family of work.")
@click.pass_obj
def worker(settings: Settings, role: str, batches: tuple[str, ...]) -> None:
    """Run a worker until it is interrupted; it finishes the batch in hand first."""
    # Only this command loads engines, and only when it runs.
    from appliance.workers.standalone import run_worker

    configure_logs(settings.log_level)
    taken = {family: BATCH_LIMITS[family] for family in ROLES[role]}
    of_role = ",".join(entry for entry in settings.batch_limits.split(",") if entry.split("=")[0].strip() in taken)
    run_worker(settings, limits_of(limits_of(taken, of_role), ",".join(batches)))
