"""Judges a machine's GPUs against what its pool's inventory names: all findings at once, and nothing guessed.

Only what the inventory uses is judged, so that a card which another tenant has stays that tenant's business.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from installer.target.gpu_host import GpuHost, read_gpu_host
from installer.target.machine import GIB
from installer.target.nvml import LIMIT_S, Driver, Gpu, read_driver
from installer.target.preflight import Finding

OLDEST_CAPABILITY = (8, 0)
"""Of the A100. Older cards lack what the engines' faster number formats need."""
DRIVERS_SHARE = 0.05
"""What the driver may keep of a card's nominal memory for itself."""
POOLS_SHARE = 0.9
"""The pool keeps a tenth of `memory_gib` free."""
_LABELS = {
    "name": "model", "capability": "compute capability", "memory_bytes": "memory", "mig": "MIG mode",
    "persistent": "persistence mode", "uncorrected": "memory errors", "remap_pending": "pending remaps of memory",
    "processes": "processes",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class WantedGpu:
    """A device of the inventory: a GPU's number or a MIG instance's UUID, and the memory that it is said to have."""

    gpu: int | str
    memory_gib: float


@dataclass(frozen=True, slots=True)
class WantedGpus:
    """What the pool's inventory and the bundle ask of the machine's GPUs."""

    devices: tuple[WantedGpu, ...] = ()
    driver_minimum: int = 0
    """Lowest major version of the driver for the bundle's environments; 0: they have nothing for GPUs."""
    model: str = ""
    """What every GPU's model has to have in its name; empty: any."""


def parse_wanted(text: str) -> tuple[WantedGpu, ...]:
    """Return the devices of `0=40,MIG-…=20`, GPU or instance and GiB; ValueError where it is not that."""
    devices = []
    for word in [] if text == "none" else filter(None, text.split(",")):
        found = re.fullmatch(r"(\d+|MIG-[0-9A-Za-z/-]+)=(\d+(?:\.\d+)?)", word)
        if found is None:
            raise ValueError(f"{word!r} is not GPU=GIB, such as 0=40 or MIG-UUID=20")
        devices.append(WantedGpu(int(found[1]) if found[1].isdigit() else found[1], float(found[2])))
    return tuple(devices)


def examine_gpus(wanted: WantedGpus, waived: Collection[str], limit_s: float = LIMIT_S) -> list[Finding]:
    """Ask this machine and judge it; a waived check's finding never stops. Without devices nothing is asked."""
    if not wanted.devices:
        return []
    driver = read_driver(limit_s)
    host = read_gpu_host({process for gpu in driver.gpus for process in gpu.processes or ()})
    return [replace(each, stop=each.stop and each.check not in waived) for each in judge_gpus(driver, host, wanted)]


def judge_gpus(driver: Driver, host: GpuHost, wanted: WantedGpus) -> list[Finding]:
    """Return everything that was found."""
    used = [gpu for gpu in driver.gpus if _uses(wanted, gpu)]
    answering = [gpu for gpu in used if gpu.answers]
    found = [*_driver(driver, wanted)]
    if driver.reason is None:
        found += [*_count(driver, used, wanted), *_mig(driver, wanted), *_models(answering, wanted)]
        found += [*_memory(driver, wanted), *_health(answering), *_unread(answering)]
        found += [*_processes(answering, host), *_surroundings(driver, host)]
    return found


def _uses(wanted: WantedGpus, gpu: Gpu) -> bool:
    names = {device.gpu for device in wanted.devices}
    return gpu.index in names or any(each.uuid in names for each in gpu.instances)


def _driver(driver: Driver, wanted: WantedGpus) -> Iterator[Finding]:
    if not wanted.driver_minimum:
        text = "The inventory names GPUs, the bundle has nothing for them: take one of the flavour cuda12 or cuda13."
        yield Finding("gpu_bundle", True, text)
    if driver.reason is not None:
        text = f"NVIDIA's driver cannot be asked: {driver.reason}. Install it, or mend it, and look with nvidia-smi."
        yield Finding("gpu_driver", True, text)
        return
    major = re.match(r"\d+", driver.version or "")
    if major is None or int(major[0]) < wanted.driver_minimum:
        text = f"The driver is {driver.version or 'of no version'}, the bundle needs {wanted.driver_minimum} or newer."
        yield Finding("gpu_driver", True, text)


def _count(driver: Driver, used: list[Gpu], wanted: WantedGpus) -> Iterator[Finding]:
    there = {gpu.index for gpu in driver.gpus}
    missing = sorted(each.gpu for each in wanted.devices if isinstance(each.gpu, int) and each.gpu not in there)
    if missing:
        text = (
            f"The inventory names {_names(missing)}, the driver has {len(there)} GPUs: one may have left the bus; "
            "look at the kernel's log."
        )  # fmt: skip
        yield Finding("gpu_count", True, text)
    for gpu in used:
        if not gpu.answers:
            text = f"GPU {gpu.index} does not answer: {gpu.unread['uuid']}. Reset it, or start the machine anew."
            yield Finding("gpu_count", True, text)


def _mig(driver: Driver, wanted: WantedGpus) -> Iterator[Finding]:
    names = {device.gpu for device in wanted.devices}
    there = {instance.uuid for gpu in driver.gpus for instance in gpu.instances}
    for name in sorted(name for name in names if isinstance(name, str) and name not in there):
        text = f"The MIG instance {name} is not there: make it anew, they do not outlive a restart of the machine."
        yield Finding("gpu_mig", True, text)
    for gpu in driver.gpus:
        if gpu.index in names and gpu.mig:
            text = f"GPU {gpu.index} is in MIG mode: name its instances in the inventory, or switch the mode off."
            yield Finding("gpu_mig", True, text)
            continue
        spare = [str(each.uuid) for each in gpu.instances if each.uuid not in names]
        if spare:
            text = f"GPU {gpu.index} has MIG instances that the inventory does not name: {', '.join(spare)}."
            yield Finding("gpu_mig", _uses(wanted, gpu), text)


def _models(gpus: list[Gpu], wanted: WantedGpus) -> Iterator[Finding]:
    named = {gpu.index: gpu.name for gpu in gpus if gpu.name is not None}
    for index, name in named.items():
        if wanted.model not in name:
            yield Finding("gpu_model", True, f"GPU {index} is an {name}, {wanted.model} is wanted.")
    if len(set(named.values())) > 1:
        text = f"The GPUs are of different models: {', '.join(sorted(set(named.values())))}."
        yield Finding("gpu_model", False, text)
    for gpu in gpus:
        if gpu.capability is not None and gpu.capability < OLDEST_CAPABILITY:
            had, needed = (".".join(map(str, each)) for each in (gpu.capability, OLDEST_CAPABILITY))
            text = f"GPU {gpu.index} has compute capability {had}, {needed} is needed: the engines want a newer card."
            yield Finding("gpu_model", True, text)


def _memory(driver: Driver, wanted: WantedGpus) -> Iterator[Finding]:
    total = {gpu.index: gpu.memory_bytes for gpu in driver.gpus}
    total |= {instance.uuid: instance.memory_bytes for gpu in driver.gpus for instance in gpu.instances}
    free = {gpu.index: gpu.free_bytes for gpu in driver.gpus if gpu.processes == ()}
    for device in wanted.devices:
        has, left = total.get(device.gpu), free.get(device.gpu)
        if has is not None and has < device.memory_gib * GIB * (1 - DRIVERS_SHARE):
            text = f"{_name(device.gpu)} has {has / GIB:.1f} GiB, the inventory says {device.memory_gib:g}: correct it."
            yield Finding("gpu_memory", True, text)
        elif left is not None and left < device.memory_gib * GIB * POOLS_SHARE:
            text = f"{_name(device.gpu)} has only {left / GIB:.1f} GiB free, and no process is told: reset it."
            yield Finding("gpu_memory", True, text)


def _health(gpus: list[Gpu]) -> Iterator[Finding]:
    for gpu in gpus:
        if gpu.uncorrected:
            text = f"GPU {gpu.index} has {gpu.uncorrected} memory errors that were not corrected: reset and test it."
            yield Finding("gpu_ecc", True, text)
        if gpu.remap_failed:
            text = f"GPU {gpu.index} has no spare rows of memory left for a bad one: have it replaced."
            yield Finding("gpu_remap", True, text)
        elif gpu.remap_pending:
            text = f"GPU {gpu.index} replaces a bad row of memory at its next reset: reset it now."
            yield Finding("gpu_remap", True, text)
    off = [gpu.index for gpu in gpus if gpu.persistent is False]
    if off:
        text = f"{_names(off)}: persistence mode is off, so each start of a worker waits for the device: switch it on."
        yield Finding("gpu_persistence", False, text)


def _unread(gpus: list[Gpu]) -> Iterator[Finding]:
    silent: dict[tuple[str, str], list[int]] = defaultdict(list)
    for gpu in gpus:
        for name, reason in gpu.unread.items():
            silent[_LABELS[name], reason].append(gpu.index)
    for (label, reason), indexes in silent.items():
        text = f"{_names(indexes)}: {label} cannot be read ({reason}), so it was not judged."
        yield Finding("gpu_unreadable", False, text)


def _processes(gpus: list[Gpu], host: GpuHost) -> Iterator[Finding]:
    for gpu in gpus:
        strange = [f"{host.programs[each]} ({each})" for each in gpu.processes or () if each in host.programs]
        if strange:
            text = f"GPU {gpu.index} is used by {', '.join(strange)}: end that; the pool reckons with a whole device."
            yield Finding("gpu_processes", True, text)


def _surroundings(driver: Driver, host: GpuHost) -> Iterator[Finding]:
    if host.switches and not host.manager_runs:
        text = f"The GPUs hang on {host.switches} NVSwitches and no fabric manager runs: CUDA will not start. Start it."
        yield Finding("gpu_fabric", True, text)
    elif host.switches and host.manager_version not in (None, driver.version):
        text = f"The fabric manager is {host.manager_version}, the driver {driver.version}: they have to be the same."
        yield Finding("gpu_fabric", True, text)
    if not host.memory_device:
        text = "/dev/nvidia-uvm is missing, which services cannot make themselves: nvidia-modprobe -c 0 -u makes it."
        yield Finding("gpu_device", False, text)


def _name(gpu: int | str) -> str:
    return f"GPU {gpu}" if isinstance(gpu, int) else gpu


def _names(indexes: Collection[int]) -> str:
    return f"GPU{'s' if len(indexes) > 1 else ''} {', '.join(map(str, indexes))}"
