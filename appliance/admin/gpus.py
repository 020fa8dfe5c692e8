"""The GPUs of all hosts, as their pools read them last."""

import sqlalchemy as sa

from appliance.admin.live_types import FieldError, Gpu, GpuHost
from appliance.gpus.reading import GpuReading
from appliance.gpus.records import HostRecord, last_readings

MOST_GPUS = 32


def load_gpus(connection: sa.Connection, now_s: float) -> tuple[tuple[Gpu, ...], tuple[GpuHost, ...]]:
    """Return devices and MIG instances, host by host and at most 32, and the hosts that have none to tell of.

    A reading that is no longer fresh stands among the latter: it says nothing about its devices any more.
    """
    gpus: list[Gpu] = []
    without: list[GpuHost] = []
    for record in last_readings(connection, now_s):
        if record.fresh and record.reading.gpus:
            gpus += [_gpu(record, each) for each in record.reading.gpus]
        else:
            reason = (record.reading.reason or "no GPU") if record.fresh else "no reading for a while"
            without.append(GpuHost(host=record.node, reason=reason, age_s=round(record.age_s, 1)))
    return tuple(gpus[:MOST_GPUS]), tuple(without)


def _gpu(record: HostRecord, reading: GpuReading) -> Gpu:
    return Gpu(
        host=record.node,
        index=reading.index,
        uuid=reading.uuid,
        name=reading.name,
        mig=reading.mig or reading.instance,
        memory_used_bytes=reading.memory_used_bytes,
        memory_total_bytes=reading.memory_total_bytes,
        utilisation=reading.utilisation,
        temperature_c=reading.temperature_c,
        power_w=reading.power_w,
        power_limit_w=reading.power_limit_w,
        ecc_errors=reading.ecc_uncorrected,
        age_s=round(record.age_s, 1),
        lost=reading.reasons.get("device"),
        errors=tuple(FieldError(field, why) for field, why in sorted(reading.reasons.items()) if field != "device"),
    )
