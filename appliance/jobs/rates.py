"""How long work takes on this site: seconds per second of recording, learned from the batches that workers finish."""

import threading
from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from appliance.jobs.items import JOB_FAMILIES as FAMILIES
from appliance.jobs.items import LENGTHS, Length, length_of
from appliance.jobs.locks import hold_names
from appliance.storage.database import Database
from appliance.storage.site import site_value
from appliance.storage.tables import jobs, stage_rates
from appliance.telemetry.noting import note

REMEMBERED_AUDIO_S = 1000.0
"""Seconds of recordings that a running mean looks back: more would hide that a machine became faster or slower."""
COMMISSIONED = "commissioned"
"""The site's value with what `meeshy commission` measured."""
_IDS_PER_QUERY = 500

Origin = Literal["commissioned", "observed", "none"]


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """Sums over batches: how long workers were busy, how long the items were in hand, and their recordings' seconds."""

    busy_s: float
    stayed_s: float
    """A batch's time counts once for each of its items here: none is ready before the whole batch is."""
    audio_s: float

    def plus(self, other: "Rate") -> "Rate":
        """Return both together."""
        return Rate(
            busy_s=self.busy_s + other.busy_s,
            stayed_s=self.stayed_s + other.stayed_s,
            audio_s=self.audio_s + other.audio_s,
        )

    def recent(self) -> "Rate":
        """Return the same means with no more weight than `REMEMBERED_AUDIO_S`."""
        share = min(1.0, REMEMBERED_AUDIO_S / self.audio_s) if self.audio_s else 1.0
        return Rate(busy_s=self.busy_s * share, stayed_s=self.stayed_s * share, audio_s=self.audio_s * share)


Batch = tuple[str, tuple[str, ...], float]
"""A finished batch: its family, the job of each of its items, and how many seconds it took."""
Measured = Mapping[tuple[str, Length], Rate]
"""What was measured, by family and length of recording."""


class Rates:
    """Costs per second of recording; a length that was never measured takes the mean of its family."""

    def __init__(self, measured: Measured, origin: Origin) -> None:
        """Answer from these sums."""
        self._measured = measured
        self.origin: Origin = origin if measured else "none"

    @property
    def known(self) -> bool:
        """Return whether every family was measured."""
        return {family for family, _ in self._measured} >= set(FAMILIES)

    def cost(self, family: str, length: Length) -> float:
        """Return seconds of a worker per second of recording."""
        rate = self._rate(family, length)
        return rate.busy_s / rate.audio_s

    def stay(self, family: str, length: Length) -> float:
        """Return seconds that a recording is in a worker's hands, with its batch, per second of it."""
        rate = self._rate(family, length)
        return rate.stayed_s / rate.audio_s

    def _rate(self, family: str, length: Length) -> Rate:
        if (family, length) in self._measured:
            return self._measured[family, length]
        total = Rate(busy_s=0.0, stayed_s=0.0, audio_s=0.0)
        for other in LENGTHS:
            total = total.plus(self._measured.get((family, other), Rate(busy_s=0.0, stayed_s=0.0, audio_s=0.0)))
        return total


def load_rates(connection: sa.Connection) -> Rates:
    """Return what was measured on this site so far."""
    rows = connection.execute(sa.select(stage_rates)).all()
    measured = {
        (row.family, row.length): Rate(busy_s=row.busy_s, stayed_s=row.stayed_s, audio_s=row.audio_s)
        for row in rows
        if row.audio_s > 0
    }
    return Rates(measured, "observed" if site_value(connection, COMMISSIONED) is None else "commissioned")


def load_speeds(connection: sa.Connection) -> dict[str, float]:
    """Return the real-time factor of each family that was measured: seconds of a worker per second of recording."""
    busy_s, audio_s = sa.func.sum(stage_rates.c.busy_s), sa.func.sum(stage_rates.c.audio_s)
    rows = connection.execute(sa.select(stage_rates.c.family, busy_s, audio_s).group_by(stage_rates.c.family))
    return {family: busy / audio for family, busy, audio in rows if audio}


def learn(connection: sa.Connection, measured: Measured, now_s: float, *, anew: bool = False) -> None:
    """Add sums to the running means, or with `anew` put them in their place."""
    hold_names(connection, ["stage_rates"])
    if anew:
        connection.execute(sa.delete(stage_rates))
    known = {(row.family, row.length): row for row in connection.execute(sa.select(stage_rates)).all()}
    insert = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(stage_rates)
    for (family, length), rate in measured.items():
        row = known.get((family, length))
        if row is not None:
            rate = rate.plus(Rate(busy_s=row.busy_s, stayed_s=row.stayed_s, audio_s=row.audio_s))
        values = {**msgspec.structs.asdict(rate.recent()), "changed_s": now_s}
        connection.execute(
            insert.values(family=family, length=length, **values).on_conflict_do_update(
                index_elements=["family", "length"], set_=values
            )
        )


class Observations:
    """What one worker's batches took since it last told; a batch adds to it, the housekeeper's thread empties it."""

    def __init__(self) -> None:
        """Start with nothing seen."""
        self._lock = threading.Lock()
        self._seen: list[Batch] = []

    def add(self, family: str, job_ids: Sequence[str], elapsed_s: float) -> None:
        """Note a finished batch: the job of each of its items, and how long it took."""
        with self._lock:
            self._seen.append((family, tuple(job_ids), elapsed_s))

    def take(self) -> list[Batch]:
        """Return what was seen and forget it."""
        with self._lock:
            seen, self._seen = self._seen, []
        return seen

    def tell(self, database: Database) -> None:
        """Add what was seen to the site's running means; what the database did not take is tried again."""
        seen = self.take()
        if not seen:
            return
        try:
            with database.write() as connection:
                measured = self.measured(connection, seen)
                learn(connection, measured, database.now_s(connection))
                for (family, _), rate in measured.items():
                    note(connection, "work_audio_s", family, value=rate.audio_s)
        except Exception:
            with self._lock:
                self._seen = seen + self._seen
            raise

    @staticmethod
    def measured(connection: sa.Connection, seen: Sequence[Batch]) -> dict[tuple[str, Length], Rate]:
        """Return the sums of batches, each item's by the length of its recording; jobs that are gone do not count."""
        lengths_s = _audio_s(connection, sorted({job_id for _, job_ids, _ in seen for job_id in job_ids}))
        sums: dict[tuple[str, Length], Rate] = {}
        for family, job_ids, elapsed_s in seen:
            found = [lengths_s[job_id] for job_id in job_ids if lengths_s.get(job_id)]
            for audio_s in found:
                share = Rate(busy_s=elapsed_s * audio_s / sum(found), stayed_s=elapsed_s, audio_s=audio_s)
                key = (family, length_of(audio_s))
                sums[key] = sums[key].plus(share) if key in sums else share
        return sums


def _audio_s(connection: sa.Connection, job_ids: Sequence[str]) -> dict[str, float]:
    found: dict[str, float] = {}
    for start in range(0, len(job_ids), _IDS_PER_QUERY):
        some = job_ids[start : start + _IDS_PER_QUERY]
        rows = connection.execute(sa.select(jobs.c.id, jobs.c.audio_s).where(jobs.c.id.in_(some)))
        found.update({row.id: row.audio_s for row in rows})
    return found
