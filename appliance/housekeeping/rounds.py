"""Doing duties, and writing down what each came to: in the database for everybody, in metrics for this process."""

import logging
from collections.abc import Mapping

import msgspec
import sqlalchemy as sa

from appliance import notify
from appliance.clock import Clock
from appliance.errors import MeeshyError
from appliance.housekeeping.duties import DUTIES, Duty
from appliance.housekeeping.house import House, Outcome
from appliance.storage.site import set_site_value
from appliance.storage.tables import site
from appliance.telemetry.metrics import Metrics

log = logging.getLogger(__name__)

_KEY = "housekeeping."


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What a duty came to the last time it was done, by whichever process."""

    at_s: float
    found: int
    done: int
    error: str | None = None
    """The error's code; it failed then, and will be tried again."""


class Rounds:
    """One process's rounds through the duties."""

    def __init__(self, house: House, clock: Clock, metrics: Metrics, duties: Mapping[str, Duty] = DUTIES) -> None:
        """Do each duty for this house when it is due."""
        self._house, self._clock, self._metrics, self._duties = house, clock, metrics, duties
        self._due_s = dict.fromkeys(duties, float("-inf"))

    def __call__(self) -> dict[str, Record]:
        """Do every duty that is due, each whatever became of the others, and return what they came to."""
        done = {}
        notify.alive()
        for name, duty in self._duties.items():
            now_s = self._clock.monotonic_s()
            if now_s >= self._due_s[name]:
                self._due_s[name] = now_s + duty.every_s
                done[name] = self._do(name, duty)
                if duty.goes_on and 0 < done[name].done < done[name].found:
                    self._due_s[name] = now_s
                notify.alive()
        return done

    def _do(self, name: str, duty: Duty) -> Record:
        began_s = self._clock.monotonic_s()
        code = None
        outcome = Outcome(found=0, done=0)
        try:
            outcome = duty.do(self._house)
        except MeeshyError as failure:
            code = failure.code
            log.warning("a housekeeping duty waits: %s", failure, extra={"duty": name})
        except Exception:
            # The boundary around every duty: none keeps the others from being done.
            code = "internal"
            log.exception("a housekeeping duty failed", extra={"duty": name})
        took_s = self._clock.monotonic_s() - began_s
        self._metrics.housekept(name, outcome.found, outcome.done, took_s, self._clock.now_s() if not code else None)
        record = Record(at_s=self._clock.now_s(), found=outcome.found, done=outcome.done, error=code)
        return record if self._house.dry_run else self._written(name, record)

    def _written(self, name: str, record: Record) -> Record:
        database = self._house.database
        try:
            with database.write() as connection:
                record = msgspec.structs.replace(record, at_s=database.now_s(connection))
                set_site_value(connection, _KEY + name, msgspec.to_builtins(record), record.at_s)
        except MeeshyError as away:
            log.warning("a duty's outcome is not written down: %s", away, extra={"duty": name})
        return record


def last_records(connection: sa.Connection) -> dict[str, Record]:
    """Return, per duty that was ever done, what it came to the last time."""
    rows = connection.execute(sa.select(site.c.key, site.c.value).where(site.c.key.startswith(_KEY)))
    return {row.key.removeprefix(_KEY): msgspec.convert(row.value, Record) for row in rows}
