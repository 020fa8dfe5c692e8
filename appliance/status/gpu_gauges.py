"""The GPUs of all hosts as gauges: only what was read lately, and only fields that a device tells."""

from collections.abc import Callable, Iterator, Sequence

from prometheus_client.core import Metric

from appliance.gpus.reading import GpuReading
from appliance.gpus.records import HostRecord
from appliance.status.gauges import gauges

DEVICE = ("node", "gpu", "mig")
"""Labels of a device: the host's name, the number in its driver, the MIG instance or nothing. `instance` would be the
name of Prometheus' own label for the process that tells it."""

_FIELDS: tuple[tuple[str, str, Callable[[GpuReading], float | None]], ...] = (
    ("gpu_up", "Whether the device answers its driver.", lambda gpu: float(gpu.answers)),
    ("gpu_memory_used_bytes", "Memory in use.", lambda gpu: gpu.memory_used_bytes),
    ("gpu_memory_total_bytes", "Memory that there is.", lambda gpu: gpu.memory_total_bytes),
    ("gpu_utilisation_ratio", "Share of the time in which a kernel ran.", lambda gpu: gpu.utilisation),
    ("gpu_temperature_celsius", "Temperature of the chip.", lambda gpu: gpu.temperature_c),
    ("gpu_power_watts", "Power that the device draws.", lambda gpu: gpu.power_w),
    ("gpu_power_limit_watts", "Power that it may draw.", lambda gpu: gpu.power_limit_w),
)


def gpu_gauges(records: Sequence[HostRecord]) -> Iterator[Metric]:
    """Yield the gauges; of a host whose reading is old, its age alone."""
    yield gauges(
        "gpu_reading_age_seconds", "Since a host's GPUs were read.", ("node",),
        (([record.node], record.age_s) for record in records),
    )  # fmt: skip
    fresh = [record for record in records if record.fresh]
    yield gauges(
        "gpu_driver_up", "Whether a host's driver answers with a device.", ("node",),
        (([record.node], float(record.reading.reason is None)) for record in fresh),
    )  # fmt: skip
    devices = [(record.node, gpu) for record in fresh for gpu in record.reading.gpus]
    yield gauges(
        "gpu_info", "Always 1; the labels say what the device is.", (*DEVICE, "name", "profile"),
        (([*_labels(node, gpu), gpu.name or "", gpu.mig or ""], 1.0) for node, gpu in devices),
    )  # fmt: skip
    for name, says, value in _FIELDS:
        yield gauges(name, says, DEVICE, ((_labels(node, gpu), value(gpu)) for node, gpu in devices))
    yield gauges(
        "gpu_ecc_errors", "Memory errors since the driver was loaded.", (*DEVICE, "kind"),
        (
            ([*_labels(node, gpu), kind], errors)
            for node, gpu in devices
            for kind, errors in (("corrected", gpu.ecc_corrected), ("uncorrected", gpu.ecc_uncorrected))
        ),
    )  # fmt: skip


def _labels(node: str, gpu: GpuReading) -> list[str]:
    return [node, str(gpu.index), gpu.instance or ""]
