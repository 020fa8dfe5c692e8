"""The rows of a busy site, for what is measured beside them: audit, history, jobs, work, workers and cards."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import sqlalchemy as sa

from appliance.gpus.reading import GpuReading, HostReading
from appliance.gpus.records import record_reading
from appliance.history.steps import KEPT_S, start_of
from appliance.storage.admin_tables import history
from appliance.storage.database import Database
from appliance.storage.tables import audit, jobs, targets, work_items, workers
from appliance.telemetry.slices import Slice

PAIRS, WORKERS, CARDS = 20, 16, 8
LANE = "hear.p1"
"""Where all that is open waits: a page of it is counted and sorted as a whole."""
IN_HAND = 10
"""Items of each worker."""
OVERDUE_S = 60.0
AT_ONCE = 10_000


@dataclass(frozen=True)
class Size:
    """How many rows there are."""

    audit: int = 200_000
    """Of one day."""
    open: int = 10_000
    ended: int = 5_000
    """Within the last hour."""
    dead: int = 200

    def part(self, share: float) -> "Size":
        """Return a site that is so much smaller."""
        return Size(*(round(share * rows) for rows in (self.audit, self.open, self.ended, self.dead)))


def fill(database: Database, size: Size) -> None:
    """Write the rows."""
    with database.write() as connection:
        now_s = database.now_s(connection)
        _insert(connection, audit, _spoken(size.audit, now_s))
        _fill_history(connection, now_s)
        row = {"started_s": now_s, "seen_s": now_s + 3600, "capabilities": {}, "pid": 1, "families": ["hear", "finish"]}
        _insert(connection, workers, ({"id": f"w{n}", "host": "elsewhere", **row} for n in range(WORKERS)))
        for name, count, rows_of in (
            ("open", size.open, _open),
            ("ended", size.ended, _ended),
            ("dead", size.dead, _dead),
        ):
            made = [rows_of(f"{name}{number:08}", number / count, now_s) for number in range(count)]
            for table in (jobs, targets, work_items):
                _insert(connection, table, (each[table.name] for each in made if table.name in each))
    read_cards(database)


def read_cards(database: Database) -> None:
    """Write what the node's pool reads of its cards every few seconds."""
    cards = (
        GpuReading(
            index=number, uuid=f"GPU-{number}", name="NVIDIA A100-SXM4-40GB", utilisation=0.8,
            memory_used_bytes=30 * 2**30, memory_total_bytes=40 * 2**30, temperature_c=61.0, power_w=290.0,
        )
        for number in range(CARDS)
    )  # fmt: skip
    record_reading(database, "node", HostReading(gpus=tuple(cards)))


def _insert(connection: sa.Connection, table: sa.Table, rows: Iterator[dict[str, Any]]) -> None:
    every = list(rows)
    for begin in range(0, len(every), AT_ONCE):
        connection.execute(sa.insert(table), every[begin : begin + AT_ONCE])


def _spoken(count: int, now_s: float) -> Iterator[dict[str, Any]]:
    row = {"application_id": "app", "user_id": "u", "action": "consent_attested", "detail": {"scope": "one job"}}
    return ({"at_s": now_s - n * 86_400 / count, "subject": f"job_{n:024}", **row} for n in range(count))


def _open(name: str, place: float, now_s: float) -> dict[str, dict[str, Any]]:
    """Return a job that waits to be heard; a part is in workers' hands, and a part is late."""
    job, target = _job(name, now_s - 60 + 30 * place, state="running")
    held = int(name[-8:]) < WORKERS * IN_HAND
    claim = {"state": "claimed", "worker_id": f"w{int(name[-8:]) % WORKERS}", "claimed_s": now_s, "attempts": 1}
    item = _item(job) | (claim if held else {"state": "ready", "worker_id": None, "claimed_s": None, "attempts": 0})
    return {"jobs": job, "targets": target, "work_items": item}


def _ended(name: str, place: float, now_s: float) -> dict[str, dict[str, Any]]:
    """Return a job that ended within the last hour; a tenth was late."""
    job, target = _job(name, now_s - 3500 * (1 - place), state="done")
    job["finished_s"] = target["finished_s"] = job["accepted_s"] + (OVERDUE_S + 5 if name.endswith("0") else 5)
    return {"jobs": job, "targets": target}


def _dead(name: str, place: float, now_s: float) -> dict[str, dict[str, Any]]:
    """Return a job of the last day that a lost worker ended."""
    job, target = _job(name, now_s - 80_000 * (1 - place) - 10, state="failed")
    error = {"code": "worker_lost", "detail": "It was tried."}
    ended = {"finished_s": job["accepted_s"] + 5, "error": error}
    item = _item(job) | {"state": "failed", "attempts": 3, "worker_id": None, "claimed_s": None}
    return {"jobs": job | ended, "targets": target | ended, "work_items": item}


def _job(name: str, accepted_s: float, *, state: str) -> tuple[dict[str, Any], dict[str, Any]]:
    # Ids differ from their beginning on, as real ones: what is cut on a screen is told apart.
    job = {
        "id": f"job_{hashlib.sha256(name.encode()).hexdigest()[:24]}",
        "application_id": "app", "user_id": "u", "state": state, "accepted_s": accepted_s,
        "deadline_s": accepted_s + OVERDUE_S, "finished_s": None, "request": {}, "request_sha256": "", "audio_s": 6.0,
        "audio_sha256": name, "audio": {"pcm": f"pcm/{name}", "duration_s": 6.0}, "source": {"language": "en"},
        "error": None, "plan": "standard", "priority": 1,
    }  # fmt: skip
    target = {
        "id": f"target_{name}", "job_id": job["id"], "position": 0, "language": "fr", "result_key": name,
        "state": "waiting" if state == "running" else state, "error": None, "finished_s": None,
    }  # fmt: skip
    return job, target


def _item(job: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": f"item_{job['audio_sha256']}", "job_id": job["id"], "stage": "transcribe", "batch_key": "hear:short",
        "deadline_s": job["deadline_s"], "payload": {}, "created_s": job["accepted_s"], "plan": "standard",
        "priority": 1,
    }  # fmt: skip


def _fill_history(connection: sa.Connection, now_s: float) -> None:
    step = msgspec.to_builtins(_a_step(), str_keys=True)
    for step_s, lasts_s in ((10, KEPT_S[10]), (900, 2 * 86_400.0)):
        starts = range(start_of(now_s - lasts_s, step_s), int(now_s), step_s)
        _insert(connection, history, ({"step_s": step_s, "at_s": at_s, "document": step} for at_s in starts))


def _a_step() -> Slice:
    """Return what a busy site writes into one step."""
    step = Slice()
    for stage in ("hear", "translate", "synthesize", "finish"):
        for number in range(40):
            step.measure(f"worked.{stage}", 0.1 * 1.1**number)
            step.measure(f"waited.{stage}", 0.05 * 1.1**number)
    for number in range(40):
        step.measure("latency", 0.2 * 1.1**number)
    for pair in range(PAIRS):
        step.count(f"spoken.pair.en>t{pair}", 3.0)
        for name in ("wer", "similarity"):
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
