"""`meeshy worker`: one worker process, for one role."""

from functools import partial

import click

from appliance.errors import CommandFailed
from appliance.settings import Settings
from appliance.telemetry.logs import configure_logs
from appliance.workers.roles import ROLES, SHARED_ROLES, limits_of_role


@click.command("worker")
@click.option(
    "--role", type=click.Choice(list(ROLES)), default="all", show_default=True, help="Which work this process takes."
)
@click.option("--batch", "batches", multiple=True, metavar="FAMILY=N", help="Largest batch of a family of work.")
@click.option(
    "--slots",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Batches that run side by side on one copy of the weights; only whisper takes more than one.",
)
@click.option("--end-with-stdin", is_flag=True, help="End when standard input ends: the pool holds its other end.")
@click.pass_obj
def worker(settings: Settings, role: str, batches: tuple[str, ...], slots: int, end_with_stdin: bool) -> None:
    """Run a worker until it is interrupted; it finishes the batch in hand first."""
    if slots > 1 and role not in SHARED_ROLES:
        raise CommandFailed(f"A worker for '{role}' has one slot: what speaks is not safe for two callers.")
    # Only this command loads engines, and only when it runs.
    from appliance.workers.assembly import assemble
    from appliance.workers.standalone import run_worker

    configure_logs(settings.log_level)
    limits = limits_of_role(role, settings.batch_limits, ",".join(batches))
    run_worker(settings, limits, partial(assemble, slots=slots), slots=slots, end_with_stdin=end_with_stdin)
