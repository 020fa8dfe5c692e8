"""The inventory file: which devices a host has, which roles each may hold, and when the pool acts."""

import re
import tomllib
from pathlib import Path
from typing import Annotated

import msgspec

from appliance.errors import CommandFailed
from appliance.workers.roles import ROLES, SHARED_ROLES

GIB = 1 << 30

AtLeastOne = Annotated[int, msgspec.Meta(ge=1)]
NotNegative = Annotated[int, msgspec.Meta(ge=0)]
Seconds = Annotated[float, msgspec.Meta(gt=0)]
Gib = Annotated[float, msgspec.Meta(gt=0)]
Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
MigInstance = Annotated[str, msgspec.Meta(pattern=r"^MIG-[0-9A-Za-z][0-9A-Za-z/-]*$")]


class RoleRange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many slots of a role a device holds at least and at most."""

    min: NotNegative = 0
    max: AtLeastOne
    slots_per_process: AtLeastOne | None = None
    """None: all slots of `whisper` on a GPU share one process and its weights, any other slot is a process."""
    slot_gib: Gib | None = None
    """Working memory of a slot beside the weights, where the site has measured it; None: `budget.py`'s."""
    batch: dict[str, AtLeastOne] = {}
    """Largest batch of families of the role on this device; others have MEESHY_BATCH_LIMITS' or the default."""


class Device(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A GPU, one MIG instance of one, or a share of the host's processor where `gpu` is None."""

    name: Name
    memory_gib: Gib
    gpu: NotNegative | MigInstance | None = None
    """The number of a whole GPU in the driver, or the UUID of one MIG instance, as `nvidia-smi -L` tells both."""
    slots: AtLeastOne | None = None
    """The most slots of all roles together; None: memory alone decides."""
    threads: AtLeastOne | None = None
    """Threads of the model runtimes per process; None: MEESHY_THREADS."""
    roles: Annotated[dict[str, RoleRange], msgspec.Meta(min_length=1)]


class Rules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When the pool acts; seconds throughout."""

    backlog: NotNegative = 50
    """Waiting jobs above which a role gets another process."""
    round_s: Seconds = 2.0
    dwell_s: Seconds = 60.0
    """A process lives at least so long before it is stopped or changes its role."""
    quiet_s: Seconds = 300.0
    """How long a role must have got along with one process less before it has one less."""
    drain_s: Seconds = 30.0
    """What a process gets for the batch in hand before it is ended."""
    load_s: Seconds = 600.0
    """What a process gets for loading its models."""
    silent_s: Seconds = 30.0
    """A process that has not reported for so long is stuck."""
    hung_base_s: Seconds = 60.0
    hung_per_audio_s: Seconds = 20.0
    """A batch that takes longer than base + this x its seconds of audio, x the site's `sla_scale`, is hung."""


class Inventory(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One host's devices and rules."""

    rules: Rules = Rules()
    device: Annotated[tuple[Device, ...], msgspec.Meta(min_length=1)]


def read_inventory(path: Path) -> Inventory:
    """Return the inventory of a TOML file; CommandFailed names file, key and reason."""
    try:
        return parse_inventory(path.read_text(encoding="utf-8"), path.name)
    except (OSError, UnicodeDecodeError) as failure:
        raise CommandFailed(f"The inventory {path} cannot be read: {failure}.") from failure


def parse_inventory(text: str, name: str = "inventory") -> Inventory:
    """Return the inventory that a TOML text describes; CommandFailed names key and reason."""
    try:
        inventory = msgspec.convert(tomllib.loads(text), Inventory)
    except tomllib.TOMLDecodeError as wrong:
        raise CommandFailed(f"{name} is not valid TOML: {wrong}.") from wrong
    except msgspec.ValidationError as wrong:
        raise CommandFailed(f"{name}: {_sentence(str(wrong))}.") from wrong
    _require_distinct(name, "name", [device.name for device in inventory.device])
    _require_distinct(name, "gpu", [device.gpu for device in inventory.device if device.gpu is not None])
    for device in inventory.device:
        for role, wanted in device.roles.items():
            if wrong_with := _mistake(role, wanted):
                raise CommandFailed(f"{name}: device {device.name}: roles.{role}{wrong_with}.")
    return inventory


def slots_per_process(device: Device, role: str) -> int:
    """Return how many slots of a role one process on this device has."""
    wanted = device.roles[role]
    if wanted.slots_per_process is not None:
        return wanted.slots_per_process
    return wanted.max if device.gpu is not None and role in SHARED_ROLES else 1


def _mistake(role: str, wanted: RoleRange) -> str:
    if role not in ROLES:
        return f" is no role; there are: {', '.join(ROLES)}"
    if wanted.min > wanted.max:
        return f".min: {wanted.min} is more than max, {wanted.max}"
    together = wanted.slots_per_process or 1
    if together > 1 and role not in SHARED_ROLES:
        return ".slots_per_process: each slot that speaks is a process of its own"
    if wanted.max % together:
        return f".max: {wanted.max} is no multiple of slots_per_process, {together}"
    others = [family for family in wanted.batch if family not in ROLES[role]]
    if others:
        return f".batch: {role} does not take {', '.join(others)}; it takes: {', '.join(ROLES[role])}"
    return ""


def _require_distinct(name: str, key: str, values: list) -> None:
    twice = next((value for value in values if values.count(value) > 1), None)
    if twice is not None:
        raise CommandFailed(f"{name}: two devices have the {key} {twice!r}.")


def _sentence(message: str) -> str:
    """Return msgspec's message with the key first: `device[0].memory_gib: Expected …`."""
    found = re.fullmatch(r"(.*?) - at `(?:key in )?\$\.?(.*)`", message, re.DOTALL)
    return f"{found[2]}: {found[1]}" if found and found[2] else message.split(" - at ")[0]
