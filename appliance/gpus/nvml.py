"""Reading this host's GPUs through NVIDIA's management library, by nvidia-ml-py.

Nothing here raises: a host without a GPU, a driver that is being replaced and a card that fell off the bus are readings
too. The library stays open between readings, because opening it wakes every device that is not in persistence mode.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TypeVar

import pynvml

from appliance.gpus.reading import GpuReading, HostReading

Value = TypeVar("Value")

_SAYS = {
    pynvml.NVML_ERROR_LIBRARY_NOT_FOUND: "NVML library not found",
    pynvml.NVML_ERROR_DRIVER_NOT_LOADED: "driver not loaded",
    pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH: "driver and library are of different versions",
    pynvml.NVML_ERROR_NO_PERMISSION: "no permission",
    pynvml.NVML_ERROR_NOT_SUPPORTED: "not supported",
    pynvml.NVML_ERROR_FUNCTION_NOT_FOUND: "not in this driver",
    pynvml.NVML_ERROR_GPU_IS_LOST: "GPU is lost",
    pynvml.NVML_ERROR_RESET_REQUIRED: "GPU needs a reset",
    pynvml.NVML_ERROR_TIMEOUT: "driver did not answer in time",
}
_GONE = (pynvml.NVML_ERROR_GPU_IS_LOST, pynvml.NVML_ERROR_RESET_REQUIRED)
"""Errors that are the device's and not the question's."""
_NO_DEVICE = "no GPU"


class Nvml:
    """The library of this host; for one thread."""

    def __init__(self) -> None:
        """Nothing is loaded before the first reading."""
        self._open = False

    def read(self) -> HostReading:
        """Return what the devices tell at this moment; without library or driver, why there is nothing."""
        try:
            if not self._open:
                pynvml.nvmlInit()
                self._open = True
            count = pynvml.nvmlDeviceGetCount()
        except pynvml.NVMLError as failure:
            # Opened anew by the next reading: a driver may come, or be replaced.
            self.close()
            return HostReading(reason=_said(failure), driver_fails=failure.value != pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)
        gpus = tuple(reading for index in range(count) for reading in _device(index))
        driver = _asked({}, "driver", pynvml.nvmlSystemGetDriverVersion)
        return HostReading(gpus=gpus, driver=driver, reason=None if gpus else _NO_DEVICE)

    def close(self) -> None:
        """Close the library; the next reading opens it again."""
        if self._open:
            self._open = False
            with suppress(pynvml.NVMLError):
                pynvml.nvmlShutdown()


def _device(index: int) -> Iterator[GpuReading]:
    """Yield the reading of a device and of its MIG instances."""
    try:
        handle = pynvml.nvmlDeviceGetHandleByIndex(index)
    except pynvml.NVMLError as failure:
        yield GpuReading(index=index, reasons={"device": _said(failure)})
        return
    yield _reading(handle, index)
    for place, instance in _instances(handle):
        yield _reading(instance, index, _instance_name(instance, place))


def _instances(handle: object) -> Iterator[tuple[int, object]]:
    try:
        current, _ = pynvml.nvmlDeviceGetMigMode(handle)
        places = pynvml.nvmlDeviceGetMaxMigDeviceCount(handle) if current == pynvml.NVML_DEVICE_MIG_ENABLE else 0
    except pynvml.NVMLError:
        return  # Devices without MIG do not know the question.
    for place in range(places):
        with suppress(pynvml.NVMLError):  # Most places are empty.
            yield place, pynvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, place)


def _instance_name(instance: object, place: int) -> str:
    """Return `1/0`, or `#0` by its place where the driver tells no numbers: two must never have one name."""
    try:
        whole, compute = pynvml.nvmlDeviceGetGpuInstanceId(instance), pynvml.nvmlDeviceGetComputeInstanceId(instance)
    except pynvml.NVMLError:
        return f"#{place}"
    return f"{whole}/{compute}"


def _reading(handle: object, index: int, instance: str | None = None) -> GpuReading:
    reasons: dict[str, str] = {}

    def ask(field: str, question: Callable[[], Value]) -> Value | None:
        return _asked(reasons, field, question)

    name = ask("name", lambda: pynvml.nvmlDeviceGetName(handle))
    memory = ask("memory", lambda: _memory(handle))
    if "memory" in reasons:
        reasons["memory_used_bytes"] = reasons["memory_total_bytes"] = reasons.pop("memory")
    uuid = ask("uuid", lambda: pynvml.nvmlDeviceGetUUID(handle))
    if uuid is None:
        # Whatever has no identity is not supported less, it does not answer.
        reasons.setdefault("device", reasons["uuid"])
    return GpuReading(
        index=index,
        instance=instance,
        # Only the name tells it: NVIDIA A100-SXM4-40GB MIG 3g.20gb.
        mig=name.rpartition(" MIG ")[2] if instance and name else None,
        uuid=uuid,
        name=name,
        memory_used_bytes=memory.used if memory else None,
        memory_total_bytes=memory.total if memory else None,
        utilisation=ask("utilisation", lambda: pynvml.nvmlDeviceGetUtilizationRates(handle).gpu / 100),
        temperature_c=ask("temperature_c", lambda: _temperature_c(handle)),
        power_w=ask("power_w", lambda: pynvml.nvmlDeviceGetPowerUsage(handle) / 1000),
        power_limit_w=ask("power_limit_w", lambda: pynvml.nvmlDeviceGetEnforcedPowerLimit(handle) / 1000),
        ecc_corrected=ask("ecc_corrected", lambda: _ecc(handle, pynvml.NVML_MEMORY_ERROR_TYPE_CORRECTED)),
        ecc_uncorrected=ask("ecc_uncorrected", lambda: _ecc(handle, pynvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED)),
        reasons=reasons,
    )


def _memory(handle: object) -> object:
    try:
        return pynvml.nvmlDeviceGetMemoryInfo(handle, version=pynvml.nvmlMemory_v2)
    except pynvml.NVMLError_FunctionNotFound:
        return pynvml.nvmlDeviceGetMemoryInfo(handle)


def _temperature_c(handle: object) -> float:
    # The older of two questions: every driver knows it.
    return float(pynvml.nvmlDeviceGetTemperature(handle, pynvml.NVML_TEMPERATURE_GPU))


def _ecc(handle: object, kind: int) -> int:
    return pynvml.nvmlDeviceGetTotalEccErrors(handle, kind, pynvml.NVML_VOLATILE_ECC)


def _asked(reasons: dict[str, str], field: str, question: Callable[[], Value]) -> Value | None:
    """Return the answer, or None with the reason noted under the field; under `device` too where that is gone."""
    try:
        return question()
    except pynvml.NVMLError as failure:
        reasons[field] = _said(failure)
        if failure.value in _GONE:
            reasons["device"] = _said(failure)
        return None


def _said(failure: pynvml.NVMLError) -> str:
    return _SAYS.get(failure.value, f"NVML error {failure.value}")
