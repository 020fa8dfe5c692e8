"""What stands beside the driver on a machine with GPUs: switches and their manager, device files, whose processes."""

import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

POOL_UNIT = "meeshy-pool.service"
FABRIC_MANAGER = "nvidia-fabricmanager.service"
_NVIDIA, _SWITCH = "0x10de", "0x0680"
"""PCI's vendor, and the class of an NVSwitch: a bridge of no other kind."""
_ASK_S = 20.0


@dataclass(frozen=True, slots=True)
class GpuHost:
    """A machine as the judging of its GPUs needs it."""

    switches: int = 0
    """NVSwitches; GPUs that hang on them cannot compute before their manager has run."""
    manager_runs: bool = False
    manager_version: str | None = None
    """Of the fabric manager; None where it does not tell."""
    memory_device: bool = True
    """Whether /dev/nvidia-uvm is there."""
    programs: dict[int, str] = field(default_factory=dict)
    """Name of the program of each process that was asked for and is not the appliance's own."""


def read_gpu_host(processes: Iterable[int], root: Path = Path("/")) -> GpuHost:
    """Return what there is, with the programs of those of the processes that are not the appliance's own."""
    return GpuHost(
        switches=sum(1 for _ in _switches(root)),
        manager_runs=_told(["systemctl", "is-active", FABRIC_MANAGER]) == "active",
        manager_version=_version(_told(["nv-fabricmanager", "--version"])),
        memory_device=(root / "dev/nvidia-uvm").exists(),
        programs={each: _program(root, each) for each in processes if not _own(root, each)},
    )


def _switches(root: Path) -> Iterable[Path]:
    for device in (root / "sys/bus/pci/devices").glob("*"):
        if _read(device / "vendor") == _NVIDIA and _read(device / "class").startswith(_SWITCH):
            yield device


def _own(root: Path, process: int) -> bool:
    return POOL_UNIT in _read(root / f"proc/{process}/cgroup")


def _program(root: Path, process: int) -> str:
    return _read(root / f"proc/{process}/comm") or "unknown program"


def _version(text: str) -> str | None:
    found = re.search(r"\d+\.\d+[.\d]*", text)
    return found[0] if found else None


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""


def _told(command: list[str]) -> str:
    try:
        told = subprocess.run(
            command, check=False, capture_output=True, text=True, timeout=_ASK_S, stdin=subprocess.DEVNULL
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return told.stdout.strip()
