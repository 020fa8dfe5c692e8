"""Every committed change of a job, language or work item, kept by triggers in the tests' own database.

Rows show only where things ended; that something ended twice, or was overwritten and put back, shows here alone.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa

from appliance.storage.database import Database
from tests.chaos.checker import Change

_INSTALL = """
CREATE TABLE chaos_changes (
  seq bigserial PRIMARY KEY, at_s double precision NOT NULL DEFAULT extract(epoch FROM clock_timestamp()),
  kind text NOT NULL, id text NOT NULL, job_id text, was text, now text NOT NULL, result text, fence integer,
  worker_id text);
CREATE FUNCTION chaos_note() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  before jsonb := CASE WHEN TG_OP = 'UPDATE' THEN to_jsonb(OLD) END;
  after jsonb := to_jsonb(NEW);
  result text := CASE WHEN before #>> '{spoken,sha256}' IS DISTINCT FROM after #>> '{spoken,sha256}'
                 THEN after #>> '{spoken,sha256}' END;
BEGIN
  IF result IS NOT NULL OR before ->> 'state' IS DISTINCT FROM after ->> 'state'
     OR before ->> 'fence' IS DISTINCT FROM after ->> 'fence' THEN
    INSERT INTO chaos_changes (kind, id, job_id, was, now, result, fence, worker_id) VALUES (
      TG_TABLE_NAME, NEW.id, after ->> 'job_id', before ->> 'state', after ->> 'state', result,
      (after ->> 'fence')::integer, after ->> 'worker_id');
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER chaos_jobs AFTER INSERT OR UPDATE ON jobs FOR EACH ROW EXECUTE FUNCTION chaos_note();
CREATE TRIGGER chaos_targets AFTER INSERT OR UPDATE ON targets FOR EACH ROW EXECUTE FUNCTION chaos_note();
CREATE TRIGGER chaos_items AFTER INSERT OR UPDATE ON work_items FOR EACH ROW EXECUTE FUNCTION chaos_note();
"""
_REMOVE = "DROP FUNCTION chaos_note CASCADE; DROP TABLE chaos_changes"


@dataclass(frozen=True)
class Start:
    """A work item taken by a worker: when, and, where it was lost with that worker, when it was taken again."""

    item_id: str
    job_id: str
    worker_id: str
    at_s: float
    returned_s: float | None
    again_s: float | None


class Ledger:
    """Reads what the triggers kept."""

    def __init__(self, database: Database) -> None:
        """Keep changes from now on, until `remove`."""
        self._database = database
        with database.write() as connection:
            connection.exec_driver_sql(_INSTALL)

    def remove(self) -> None:
        """Keep nothing more and forget what was kept."""
        with self._database.write() as connection:
            connection.exec_driver_sql(_REMOVE)

    def now_s(self) -> float:
        """Return the time by the clock that changes are stamped with."""
        with self._database.read() as connection:
            return self._database.now_s(connection)

    def changes(self) -> tuple[Change, ...]:
        """Return the changes of jobs and targets, in order."""
        rows = self._rows("kind <> 'work_items'")
        return tuple(Change(row.kind, row.id, row.was, row.now, row.result) for row in rows)

    def ended_s(self) -> dict[str, float]:
        """Return when each job came to an end."""
        rows = self._rows("kind = 'jobs' AND now IN ('done', 'partial', 'failed', 'cancelled')")
        return {row.id: row.at_s for row in rows}

    def starts(self) -> list[Start]:
        """Return every start of every work item, in order."""
        of_item: dict[str, list[sa.Row]] = {}
        for row in self._rows("kind = 'work_items'"):
            of_item.setdefault(row.id, []).append(row)
        found = [start for rows in of_item.values() for start in _starts(rows)]
        return sorted(found, key=lambda start: start.at_s)

    def _rows(self, where: str) -> Iterable[sa.Row]:
        with self._database.read() as connection:
            return connection.execute(sa.text(f"SELECT * FROM chaos_changes WHERE {where} ORDER BY seq")).all()


def _starts(rows: list[sa.Row]) -> Iterable[Start]:
    for index, row in enumerate(rows):
        if row.now != "claimed":
            continue
        later = rows[index + 1 :]
        returned = later[0].at_s if later and later[0].now == "ready" else None
        again = next((other.at_s for other in later if other.now == "claimed"), None) if returned else None
        yield Start(row.id, row.job_id, row.worker_id, row.at_s, returned, again)


@dataclass(frozen=True)
class Recovery:
    """How long an item that died with its worker waited, from the kill: to be runnable again, and to be started."""

    returned_after_s: float
    started_after_s: float


def recoveries(ledger: Ledger, killed: dict[str, float]) -> list[Recovery]:
    """Return those of every item that died with one of these workers, which were killed at these times."""
    return [
        Recovery(start.returned_s - killed[start.worker_id], start.again_s - killed[start.worker_id])
        for start in ledger.starts()
        if start.worker_id in killed and start.again_s is not None and start.returned_s >= killed[start.worker_id]
    ]


def p99(values: Iterable[float]) -> float:
    """Return what 99 of 100 values stay below, 0.0 for none."""
    ordered = sorted(values)
    return round(ordered[int(len(ordered) * 0.99)], 3) if ordered else 0.0
