"""`meeshy pool`: the worker processes of one host, as many as the load needs and the inventory allows."""

import fcntl
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from appliance.catalog.catalog import Catalog
from appliance.clock import SystemClock
from appliance.commands.child_environment import child_environment
from appliance.errors import CommandFailed
from appliance.gpus.watch import gpus_watched
from appliance.jobs.registry import CapabilityReader, this_host
from appliance.pool.agent import Parts, Pool
from appliance.pool.inventory import GIB, Inventory, read_inventory
from appliance.pool.layout import Place, lay_out
from appliance.pool.process import WorkerProcess, environment_for
from appliance.pool.signals import Signals
from appliance.settings import Settings
from appliance.storage.database import Database
from appliance.storage.migrate import migrate
from appliance.telemetry.logs import configure_logs
from appliance.workers.bells import RedisRinger
from appliance.workers.listeners import Listeners
from appliance.workers.roles import BATCH_LIMITS, limits_of

LOCK_FILE = "pool.lock"

WorkerCommand = Callable[[str], Sequence[str]]
"""The command line of a worker for a role, before `--slots` and `--end-with-stdin`."""


def worker_command(role: str) -> Sequence[str]:
    """Return the command line of `meeshy worker` for a role."""
    return (sys.executable, "-m", "appliance.cli", "worker", "--role", role)


@click.command("pool")
@click.option(
    "--inventory", "file", type=click.Path(dir_okay=False, path_type=Path), required=True,
    help="TOML file: devices, roles with minimum and maximum, rules.",
)  # fmt: skip
@click.option("--check", is_flag=True, help="Only read and reckon the inventory through; start nothing.")
@click.option("--json", "as_json", is_flag=True, help="With --check: print one JSON document.")
@click.pass_obj
def pool(settings: Settings, file: Path, check: bool, as_json: bool) -> None:
    """Run this host's workers until it is interrupted; they finish the batches in hand first."""
    if check:
        _show(lay_out(*_reckoned(settings, file)), as_json)
    else:
        run_pool(settings, file)


def run_pool(settings: Settings, file: Path, command: WorkerCommand = worker_command) -> None:
    """Run the workers of an inventory until SIGTERM or SIGINT; CommandFailed where it is wrong or a pool runs here."""
    configure_logs(settings.log_level)
    limits_of(BATCH_LIMITS, settings.batch_limits)  # each of its workers would end over it
    inventory, catalog, preset, name = _reckoned(settings, file)
    places = lay_out(inventory, catalog, preset, name)
    environment = child_environment(settings)

    def start(place: Place, role: str, slots: int) -> WorkerProcess:
        return WorkerProcess(
            (*command(role), "--slots", str(slots), "--end-with-stdin"), environment_for(place, role, environment)
        )

    with ExitStack() as stack:
        signals = stack.enter_context(Signals())
        stack.enter_context(_only_one(settings.data_dir))
        database = Database(settings.database)
        stack.callback(database.close)
        migrate(database)
        ring = _ring(settings, database, stack)
        stack.enter_context(gpus_watched(database, this_host()))
        Pool(Parts(settings, database, places, inventory.rules, start, ring, SystemClock())).run(signals)


def _reckoned(settings: Settings, file: Path) -> tuple[Inventory, Catalog, str, str]:
    return read_inventory(file), Catalog.load(), settings.model_preset, file.name


def _ring(settings: Settings, database: Database, stack: ExitStack) -> Callable[[Sequence[str]], None]:
    if not settings.redis_url:
        return lambda families: None
    ringer = RedisRinger(settings.redis_url, Listeners(CapabilityReader(database), SystemClock()))
    return stack.enter_context(ringer).ring


@contextmanager
def _only_one(data_dir: Path) -> Iterator[None]:
    """Hold the pool's lock of this data folder; the kernel frees it however the process ends."""
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (data_dir / LOCK_FILE).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CommandFailed("A pool already runs on this data folder.") from None
        yield


def _show(places: Sequence[Place], as_json: bool) -> None:
    rows = [
        {
            "device": place.name, "gpu": place.gpu, "role": role, "processes_min": shape.least,
            "processes_max": shape.most, "slots_per_process": shape.slots, "process_bytes": shape.memory_bytes,
            "device_usable_bytes": place.memory_bytes, "batch": dict(shape.batch),
        }
        for place in places
        for role, shape in place.shapes.items()
    ]  # fmt: skip
    if as_json:
        click.echo(json.dumps({"roles": rows}, indent=2))
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("device", "role", "processes", "slots each", "GiB each", "GiB of device"):
        table.add_column(heading)
    for row in rows:
        table.add_row(
            str(row["device"]), str(row["role"]), f"{row['processes_min']}..{row['processes_max']}",
            str(row["slots_per_process"]), f"{row['process_bytes'] / GIB:.1f}",
            f"{row['device_usable_bytes'] / GIB:.1f}",
        )  # fmt: skip
    Console().print(table, highlight=False)
