"""The inventory reckoned through: per device and role, how many processes of which size there may be."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from appliance.catalog.catalog import Catalog
from appliance.errors import CommandFailed
from appliance.pool.budget import KEPT_FREE, process_bytes
from appliance.pool.inventory import GIB, Device, Inventory, slots_per_process


@dataclass(frozen=True)
class Shape:
    """One kind of process on a device: how many there are at least and at most, and what each takes."""

    least: int
    most: int
    slots: int
    memory_bytes: int
    batch: Mapping[str, int] = field(default_factory=dict)
    """The largest batch of each family that the inventory names; others are the site's."""


@dataclass(frozen=True)
class Place:
    """A device as the planning sees it; `memory_bytes` is what processes may take together."""

    name: str
    memory_bytes: int
    shapes: Mapping[str, Shape]
    gpu: int | str | None = None
    """A GPU's number, or the UUID of a MIG instance."""
    most_slots: int | None = None
    threads: int | None = None

    def takes(self, counts: Mapping[str, int]) -> tuple[int, int]:
        """Return the bytes and slots of so many processes per role."""
        shapes = [(self.shapes[role], count) for role, count in counts.items()]
        return sum(s.memory_bytes * n for s, n in shapes), sum(s.slots * n for s, n in shapes)

    def holds(self, memory_bytes: int, slots: int) -> bool:
        """Return whether so much fits on this device."""
        return memory_bytes <= self.memory_bytes and (self.most_slots is None or slots <= self.most_slots)


def lay_out(inventory: Inventory, catalog: Catalog, preset: str, name: str = "inventory") -> tuple[Place, ...]:
    """Return the places of an inventory; CommandFailed with the numbers where a device cannot hold what it must.

    All minimums have to fit together, and each role's maximum beside the other roles' minimums.
    """
    places = tuple(_place(device, catalog, preset) for device in inventory.device)
    for place in places:
        least = {role: shape.least for role, shape in place.shapes.items()}
        for role, shape in place.shapes.items():
            _require_fit(place, least | {role: shape.most}, name)
    return places


def _place(device: Device, catalog: Catalog, preset: str) -> Place:
    shapes = {}
    for role, wanted in device.roles.items():
        slots = slots_per_process(device, role)
        slot_bytes = round(wanted.slot_gib * GIB) if wanted.slot_gib is not None else None
        memory_bytes = process_bytes(
            catalog, preset, role, slots=slots, on_gpu=device.gpu is not None, slot_bytes=slot_bytes
        )
        shapes[role] = Shape(-(-wanted.min // slots), wanted.max // slots, slots, memory_bytes, wanted.batch)
    usable = round(device.memory_gib * GIB * (1 - KEPT_FREE))
    return Place(device.name, usable, shapes, device.gpu, device.slots, device.threads)


def _require_fit(place: Place, counts: Mapping[str, int], name: str) -> None:
    memory_bytes, slots = place.takes(counts)
    if place.holds(memory_bytes, slots):
        return
    parts = " + ".join(
        f"{count} x {role} of {place.shapes[role].slots} slots and {place.shapes[role].memory_bytes / GIB:.1f} GiB"
        for role, count in counts.items()
        if count
    )
    if place.most_slots is not None and slots > place.most_slots:
        raise CommandFailed(f"{name}: device {place.name} has {place.most_slots} slots: {parts} are {slots}.")
    raise CommandFailed(
        f"{name}: device {place.name} has room for {place.memory_bytes / GIB:.1f} GiB, a tenth of its memory kept "
        f"free: {parts} are {memory_bytes / GIB:.1f} GiB."
    )
