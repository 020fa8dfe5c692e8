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
KEEP_S = 86_400.0
"""How long a host that reads no more is remembered, with the age of its last reading, and how many cards it had: who
took something out on purpose is asked about it for a day, as by the alert."""
KEEP_WITHOUT_S = 3600.0
"""The same of a host that nobody put a GPU into."""


class HostRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A host's last reading, `age_s` seconds ago by database time."""

    host: str
    """As in the rows of its workers."""
    age_s: float
    reading: HostReading
    most: int = 0
    """How many cards it told at once within a day before that reading, in whichever of its starts."""
    most_s: float = 0.0
    """When it last told so many, by database time."""

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
        return len(self.reading.gpus) or self.reading.told_before or self.most

    @property
    def missing(self) -> int:
        """Return how many cards fewer it tells than within the last day."""
        return max(0, self.most - self.reading.cards)

    @property
    def kept(self) -> bool:
        """Return whether it is remembered still."""
        meant_for_gpus = self.devices or self.reading.driver_fails
        return self.age_s <= (KEEP_S if meant_for_gpus else KEEP_WITHOUT_S)

    @property
    def state(self) -> Literal["read", "fewer", "none", "old", "driver"]:
        """Return whether its GPUs are told; `none`: there never was one; of the others somebody has to look."""
        if not self.devices and not self.reading.driver_fails:
            return "none"
        if not self.fresh:
            return "old"
        if not self.reading.gpus:
            return "driver"
        return "fewer" if self.missing else "read"


def record_reading(database: Database, host: str, reading: HostReading) -> None:
    """Put a host's reading in the place of its last one, and let go of hosts that have read nothing for long."""
    with database.write() as connection:
        now_s = database.now_s(connection)
        records = _records(connection, now_s)
        before = next((record for record in records if record.host == host), None)
        if before is not None and not reading.gpus:
            told_before = len(before.reading.gpus) or before.reading.told_before
            reading = msgspec.structs.replace(reading, told_before=told_before)
        now = HostRecord(host=host, age_s=0.0, reading=reading, most=reading.cards, most_s=now_s)
        known = [each for each in records if each.node == now.node and each.most_s >= now_s - KEEP_S]
        # Of equal numbers the one of now: the day begins anew with it.
        most = max([now, *known], key=lambda each: each.most)
        _put(connection, now, most, now_s)
        gone = [record.host for record in records if not (record.kept or record.host == host)]
        if gone:
            connection.execute(sa.delete(gpu_readings).where(gpu_readings.c.host.in_(gone)))


def _put(connection: sa.Connection, now: HostRecord, most: HostRecord, now_s: float) -> None:
    insert = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(gpu_readings)
    remembered = {"most": most.most, "most_s": most.most_s}
    values = {"read_s": now_s, "reading": msgspec.to_builtins(now.reading) | remembered}
    connection.execute(
        insert.values(host=now.host, **values).on_conflict_do_update(index_elements=["host"], set_=values)
    )


def last_readings(connection: sa.Connection, now_s: float) -> Sequence[HostRecord]:
    """Return the last reading of each node, by its name; of a machine that was started anew, the newest."""
    newest = {record.node: record for record in _records(connection, now_s) if record.kept}
    return [newest[node] for node in sorted(newest)]


def _records(connection: sa.Connection, now_s: float) -> list[HostRecord]:
    """Return what all hosts read last, the oldest first."""
    rows = connection.execute(sa.select(gpu_readings).order_by(gpu_readings.c.read_s))
    return [
        HostRecord(
            host=row.host,
            age_s=max(0.0, now_s - row.read_s),
            reading=msgspec.convert(row.reading, HostReading),
            most=row.reading.get("most", 0),
            most_s=row.reading.get("most_s", 0.0),
        )
        for row in rows
    ]
