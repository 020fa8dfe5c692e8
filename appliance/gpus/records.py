"""What the hosts read last, one row for each: so every process of the appliance can tell the GPUs of all of them."""

from collections.abc import Sequence
from typing import Literal

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from appliance.gpus.reading import HostReading
from appliance.storage.admin_tables import gpu_readings
from appliance.storage.database import Database

FRESH_S = 30.0
"""A reading that is older says nothing about its devices any more; one is made every few seconds."""
KEEP_S = 3600.0
"""How long a host that reads no more is remembered, with the age of its last reading."""


class HostRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A host's last reading, `age_s` seconds ago by database time."""

    host: str
    """As in the rows of its workers."""
    age_s: float
    reading: HostReading

    @property
    def node(self) -> str:
        """Return the host's name without what tells apart its starts and containers."""
        return self.host.split(":")[0]

    @property
    def fresh(self) -> bool:
        """Return whether it still tells how the devices are."""
        return self.age_s <= FRESH_S

    @property
    def devices(self) -> int:
        """Return how many devices and instances it told when it last told any."""
        return len(self.reading.gpus) or self.reading.told_before

    @property
    def state(self) -> Literal["read", "none", "old", "driver"]:
        """Return whether its GPUs are told; `none`: there never was one, `old` and `driver`: somebody has to look."""
        if not self.devices and not self.reading.driver_fails:
            return "none"
        if not self.fresh:
            return "old"
        return "read" if self.reading.gpus else "driver"


def record_reading(database: Database, host: str, reading: HostReading) -> None:
    """Put a host's reading in the place of its last one, and let go of hosts that have read nothing for an hour."""
    with database.write() as connection:
        now_s = database.now_s(connection)
        if not reading.gpus:
            reading = msgspec.structs.replace(reading, told_before=_told_before(connection, host))
        insert = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(gpu_readings)
        values = {"read_s": now_s, "reading": msgspec.to_builtins(reading)}
        connection.execute(
            insert.values(host=host, **values).on_conflict_do_update(index_elements=["host"], set_=values)
        )
        connection.execute(sa.delete(gpu_readings).where(gpu_readings.c.read_s < now_s - KEEP_S))


def _told_before(connection: sa.Connection, host: str) -> int:
    known = connection.scalar(sa.select(gpu_readings.c.reading).where(gpu_readings.c.host == host))
    if known is None:
        return 0
    earlier = msgspec.convert(known, HostReading)
    return len(earlier.gpus) or earlier.told_before


def last_readings(connection: sa.Connection, now_s: float) -> Sequence[HostRecord]:
    """Return the last reading of each node, by its name; of a machine that was started anew, the newest."""
    rows = connection.execute(sa.select(gpu_readings).order_by(gpu_readings.c.read_s))
    newest = {
        record.node: record
        for row in rows
        if (record := _record(row, now_s)).age_s <= KEEP_S
    }  # fmt: skip
    return [newest[node] for node in sorted(newest)]


def _record(row: sa.Row, now_s: float) -> HostRecord:
    reading = msgspec.convert(row.reading, HostReading)
    return HostRecord(host=row.host, age_s=max(0.0, now_s - row.read_s), reading=reading)
