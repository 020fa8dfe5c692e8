"""What watching costs an API process: `python tests/processes/measure_watching.py` prints it, beside an idle one.

A real `meeshy api` on SQLite with the audit, history, lanes, workers and cards of a busy site; one console follows its
stream. The difference of both is what watching costs. Figures, no test.
"""

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import msgspec
import sqlalchemy as sa

from appliance.access.keys import create_key
from appliance.commands.serve import child_environment
from appliance.gpus.reading import GpuReading, HostReading
from appliance.gpus.records import record_reading
from appliance.history.steps import KEPT_S, start_of
from appliance.settings import Settings
from appliance.storage.admin_tables import history
from appliance.storage.database import Database
from appliance.storage.migrate import migrate
from appliance.storage.tables import audit, workers
from appliance.telemetry.slices import Slice
from appliance.testing.ports import free_port

AUDIT_ROWS, PAIRS, WORKERS, CARDS = 200_000, 20, 16, 8
SETTLE_S, MEASURED_S = 5.0, float(os.environ.get("MEASURED_S", "60"))
TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def a_step() -> Slice:
    """Return what a busy site writes into one step."""
    step = Slice()
    for stage in ("hear", "translate", "synthesize", "finish"):
        for number in range(40):
            step.measure(f"worked.{stage}", 0.1 * 1.1**number)
            step.measure(f"waited.{stage}", 0.05 * 1.1**number)
    for number in range(40):
        step.measure("latency", 0.2 * 1.1**number)
    for pair in range(PAIRS):
        for name in ("spoken", "wer", "similarity"):
            for part in ("sum", "of"):
                step.count(f"{name}.pair.en>t{pair}.{part}", 3.0)
    for kind in ("result", "transcription", "translation", "audio", "sentence"):
        step.count(f"cache.l2.{kind}.hit", 30.0)
        step.count(f"cache.l2.{kind}.miss", 60.0)
    for name in ("jobs_accepted", "requests", "ended.done", "ended.needs_review", "ended.cached"):
        step.count(name, 40.0)
    for card in range(CARDS):
        step.look(f"gpu.node.{card}.utilisation", 0.8)
    return step


def fill(database: Database) -> None:
    """Write the rows of a busy site."""
    step = msgspec.to_builtins(a_step(), str_keys=True)
    with database.write() as connection:
        now_s = database.now_s(connection)
        spoken = {"application_id": "app", "user_id": "u", "action": "consent_attested", "detail": {"scope": "one job"}}
        for begin in range(0, AUDIT_ROWS, 10_000):
            rows = [
                {"at_s": now_s - number * 86_400 / AUDIT_ROWS, "subject": f"job_{number:024}", **spoken}
                for number in range(begin, begin + 10_000)
            ]
            connection.execute(sa.insert(audit), rows)
        for step_s, lasts_s in ((10, KEPT_S[10]), (900, 2 * 86_400.0)):
            starts = range(start_of(now_s - lasts_s, step_s), int(now_s), step_s)
            connection.execute(
                sa.insert(history), [{"step_s": step_s, "at_s": at_s, "document": step} for at_s in starts]
            )
        row = {"started_s": now_s, "seen_s": now_s + 3600, "capabilities": {}, "pid": 1, "families": ["hear", "finish"]}
        connection.execute(sa.insert(workers), [{"id": f"w{n}", "host": "elsewhere", **row} for n in range(WORKERS)])
    cards = [
        GpuReading(index=n, uuid=f"GPU-{n}", utilisation=0.8, memory_used_bytes=1, memory_total_bytes=2)
        for n in range(CARDS)
    ]
    record_reading(database, "node", HostReading(gpus=tuple(cards)))


@contextlib.contextmanager
def api(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    """Run an API process until the block ends."""
    process = subprocess.Popen([sys.executable, "-m", "appliance.cli", "api"], env=child_environment(settings))
    try:
        url = f"http://127.0.0.1:{settings.port}/health/live"
        for _ in range(300):
            with contextlib.suppress(httpx.TransportError):
                httpx.get(url).raise_for_status()
                break
            time.sleep(0.1)
        yield process
    finally:
        process.terminate()
        process.wait(30)


@contextlib.contextmanager
def followed(url: str, headers: dict[str, str]) -> Iterator[None]:
    """Follow a stream until the block ends."""
    over = threading.Event()

    def follow() -> None:
        with httpx.stream("GET", url, headers=headers, timeout=30) as stream:
            for _ in stream.iter_bytes():
                if over.is_set():
                    return

    console = threading.Thread(target=follow)
    console.start()
    try:
        yield
    finally:
        over.set()
        console.join(30)


def used_s(process: subprocess.Popen[bytes]) -> float:
    """Return the processor seconds that a process has used."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK_S


def measured(process: subprocess.Popen[bytes]) -> float:
    """Return the share of one core over the next while."""
    time.sleep(SETTLE_S)
    began, before = time.monotonic(), used_s(process)
    time.sleep(MEASURED_S)
    return (used_s(process) - before) / (time.monotonic() - began)


def main() -> None:
    """Measure without and with a console."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder), port=free_port(), requests_per_minute=0)
        database = Database(settings.database)
        migrate(database)
        fill(database)
        headers = {"Authorization": f"Bearer {create_key(database, 'console', 'viewer').key}"}
        admin = f"http://127.0.0.1:{settings.port}/api/v1/admin"
        with api(settings) as process:
            idle = measured(process)
            with followed(f"{admin}/events", headers):
                watched = measured(process)
            snapshot = httpx.get(f"{admin}/snapshot", headers=headers)
        database.close()
    say(f"snapshot {len(snapshot.content)} bytes; idle {idle:.2%} of a core, watched {watched:.2%}")
    say(f"watching costs {watched - idle:.2%} of one core")


if __name__ == "__main__":
    main()
