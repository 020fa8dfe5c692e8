"""The GPUs of all hosts, as their pools read them last."""

from typing import NamedTuple

import sqlalchemy as sa

from appliance.admin.live_types import FieldError, Gpu, GpuHost
from appliance.gpus.reading import GpuReading
from appliance.gpus.records import HostRecord, last_readings

MOST_GPUS, MOST_HOSTS = 32, 16


class Gpus(NamedTuple):
    """What there is to tell of GPUs."""

    told: tuple[Gpu, ...]
    """Devices and MIG instances: those first that are lost or erring, then host by host."""
    left_out: int
    hosts: tuple[GpuHost, ...]
    """Hosts that tell of none, or of fewer than before: those first that told some before."""
    hosts_left_out: int


def load_gpus(connection: sa.Connection, now_s: float) -> Gpus:
    """Return the GPUs of all hosts, at most 32, and the hosts that have none or fewer to tell of, at most 16.

    A reading that is no longer fresh stands among the latter: it says nothing about its devices any more.
    """
    gpus: list[Gpu] = []
    without: list[GpuHost] = []
    for record in last_readings(connection, now_s):
        if record.state in ("read", "fewer"):
            gpus += [_gpu(record, each) for each in record.reading.gpus]
        if record.state != "read":
            without.append(_host(record))
    # What needs somebody's hand must not be among what there is no room for.
    gpus.sort(key=lambda gpu: not (gpu.lost or gpu.ecc_errors))
    without.sort(key=lambda host: host.state == "none")
    return Gpus(
        tuple(gpus[:MOST_GPUS]), max(0, len(gpus) - MOST_GPUS),
        tuple(without[:MOST_HOSTS]), max(0, len(without) - MOST_HOSTS),
    )  # fmt: skip


def _host(record: HostRecord) -> GpuHost:
    match record.state:
        case "old":
            devices, reason = record.devices, "no reading for a while"
        case "fewer":
            devices, reason = record.missing, f"it told {record.most} before"
        case _:
            devices, reason = record.devices, record.reading.reason or "no GPU"
    return GpuHost(
        host=record.node,
        state=record.state,
        devices=devices,
        reason=reason,
        age_s=round(record.age_s, 1),
    )


def _gpu(record: HostRecord, reading: GpuReading) -> Gpu:
    return Gpu(
        host=record.node,
        index=reading.index,
        uuid=reading.uuid,
        name=reading.name,
        instance=reading.instance,
        mig=reading.mig,
        memory_used_bytes=reading.memory_used_bytes,
        memory_total_bytes=reading.memory_total_bytes,
        utilisation=reading.utilisation,
        temperature_c=reading.temperature_c,
        power_w=reading.power_w,
        power_limit_w=reading.power_limit_w,
        ecc_errors=reading.ecc_uncorrected,
        age_s=round(record.age_s, 1),
        lost=reading.reasons.get("device"),
        errors=_errors(reading),
    )


def _errors(reading: GpuReading) -> tuple[FieldError, ...]:
    """Return the missing fields by their reason: what does not support one mostly does not support five."""
    fields: dict[str, list[str]] = {}
    for field, why in sorted(reading.reasons.items()):
        if field != "device":
            fields.setdefault(why, []).append(field)
    return tuple(FieldError(", ".join(names), why) for why, names in fields.items())
