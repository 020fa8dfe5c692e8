"""One reading of a host's GPUs. What a device does not tell is None, and why is said."""

import msgspec


class GpuReading(msgspec.Struct, frozen=True, kw_only=True):
    """A device, or one MIG instance of a device."""

    index: int
    """The device's number in the driver, in the order of PCI addresses; an instance has its device's."""
    instance: str | None = None
    """Of a MIG instance: the numbers of GPU instance and compute instance, as `1/0`; `#0`, its place, where the driver
    tells no numbers. None: the whole device."""
    mig: str | None = None
    """Its profile, such as `3g.20gb`."""
    uuid: str | None = None
    name: str | None = None
    memory_used_bytes: int | None = None
    """Without what the driver keeps for itself, where it tells that apart (since 510)."""
    memory_total_bytes: int | None = None
    utilisation: float | None = None
    """Share of the last sample period (up to a second) in which a kernel ran, 0 to 1."""
    temperature_c: float | None = None
    power_w: float | None = None
    power_limit_w: float | None = None
    ecc_corrected: int | None = None
    ecc_uncorrected: int | None = None
    """Memory errors since the driver was loaded."""
    reasons: dict[str, str] = {}
    """Why a field is None, by the field's name; `device` where the device as a whole does not answer."""

    @property
    def answers(self) -> bool:
        """Return whether the device could be reached at all."""
        return "device" not in self.reasons


class HostReading(msgspec.Struct, frozen=True, kw_only=True):
    """All devices of a host, each followed by its MIG instances."""

    gpus: tuple[GpuReading, ...] = ()
    driver: str | None = None
    """The driver's version."""
    reason: str | None = None
    """Why there are none: no library, no driver, no device."""
    driver_fails: bool = False
    """Whether the library is here and the driver behind it does not answer: somebody put it here for a GPU."""
    told_before: int = 0
    """Of a reading without devices: how many the last one had that had any."""

    @property
    def cards(self) -> int:
        """Return how many whole devices there are; how they are divided is an operator's to change."""
        return sum(gpu.instance is None for gpu in self.gpus)
