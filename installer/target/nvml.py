"""What NVIDIA's driver tells of this machine's GPUs, asked through its own library (libnvidia-ml.so.1) by ctypes.

Nothing here raises and nothing is made up: what a device does not tell is None, and why is said. Names, numbers and
structures are those of NVML's public documentation.
"""

import ctypes
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

LIBRARY = "libnvidia-ml.so.1"
LIMIT_S = 30.0
"""A driver in trouble may never come back from a question."""

_NOT_SUPPORTED, _INSUFFICIENT_SIZE = 3, 7
_SAYS = {
    _NOT_SUPPORTED: "not supported",
    4: "no permission",
    9: "driver not loaded",
    10: "driver did not answer in time",
    15: "GPU is lost",
    16: "GPU needs a reset",
    18: "driver and library are of different versions",
}
_ABSENT = "not in this driver"
_TEXT_BYTES = 96
_UNCORRECTED, _SINCE_LOADED = 1, 0
_PROCESSES_AT_FIRST = 64

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Instance:
    """One MIG instance of a GPU."""

    uuid: str | None
    memory_bytes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """One GPU; `unread` says why a field is None, by the field's name."""

    index: int
    """Its number in the driver, in the order of PCI addresses."""
    name: str | None = None
    uuid: str | None = None
    capability: tuple[int, int] | None = None
    """CUDA's compute capability, major and minor."""
    memory_bytes: int | None = None
    free_bytes: int | None = None
    mig: bool | None = None
    """Whether it is in MIG mode; a device that does not know the question is not."""
    instances: tuple[Instance, ...] = ()
    persistent: bool | None = None
    uncorrected: int | None = None
    """Memory errors that could not be corrected since the driver was loaded."""
    remap_pending: bool | None = None
    """Whether a bad row of memory is replaced at the next reset, and used until then."""
    remap_failed: bool | None = None
    processes: tuple[int, ...] | None = None
    """Ids of the processes that compute on it."""
    unread: dict[str, str] = field(default_factory=dict)

    @property
    def answers(self) -> bool:
        """Return whether the device could be reached at all."""
        return self.uuid is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """The driver with its GPUs; `reason` says why nothing could be asked."""

    version: str | None = None
    gpus: tuple[Gpu, ...] = ()
    reason: str | None = None


def read_driver(limit_s: float = LIMIT_S) -> Driver:
    """Return what the driver tells within so many seconds."""
    told: list[Driver] = []
    # A thread, since a question that hangs cannot be taken back; it ends with the process.
    thread = threading.Thread(target=lambda: told.append(_read()), name="nvml", daemon=True)
    thread.start()
    thread.join(limit_s)
    return told[0] if told else Driver(reason=f"the driver does not answer within {limit_s:g} s")


class _Refused(Exception):
    def __init__(self, says: str, code: int | None = None) -> None:
        super().__init__(says)
        self.says, self.code = says, code


class _Memory(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_ulonglong) for name in ("total", "free", "used"))


class _Process(ctypes.Structure):
    _fields_ = (
        ("pid", ctypes.c_uint), ("used", ctypes.c_ulonglong), ("instance", ctypes.c_uint), ("compute", ctypes.c_uint),
    )  # fmt: skip


class _Library:
    """The library's calls; each raises _Refused where it does not answer."""

    def __init__(self) -> None:
        try:
            self._library = ctypes.CDLL(LIBRARY)
        except OSError:
            raise _Refused("NVML library not found") from None

    def call(self, name: str, *arguments: Any) -> None:
        try:
            function = getattr(self._library, name)
        except AttributeError:
            raise _Refused(_ABSENT) from None
        code = function(*arguments)
        if code != 0:
            raise _Refused(_SAYS.get(code, f"NVML error {code}"), code)

    def text(self, name: str, *arguments: Any) -> str:
        buffer = ctypes.create_string_buffer(_TEXT_BYTES)
        self.call(name, *arguments, buffer, _TEXT_BYTES)
        return buffer.value.decode("utf-8", "replace")

    def numbers(self, name: str, *arguments: Any, count: int = 1, kind: Any = ctypes.c_uint) -> list[int]:
        found = [kind(0) for _ in range(count)]
        self.call(name, *arguments, *(ctypes.byref(each) for each in found))
        return [each.value for each in found]


def _read() -> Driver:
    try:
        library = _Library()
        library.call("nvmlInit_v2")
    except _Refused as refused:
        return Driver(reason=refused.says)
    try:
        (count,) = library.numbers("nvmlDeviceGetCount_v2")
        version = library.text("nvmlSystemGetDriverVersion")
        return Driver(version=version, gpus=tuple(_gpu(library, index) for index in range(count)))
    except _Refused as refused:
        return Driver(reason=refused.says)
    finally:
        with suppress(_Refused):
            library.call("nvmlShutdown")


def _gpu(library: _Library, index: int) -> Gpu:
    handle = ctypes.c_void_p()
    unread: dict[str, str] = {}
    try:
        library.call("nvmlDeviceGetHandleByIndex_v2", index, ctypes.byref(handle))
    except _Refused as refused:
        return Gpu(index=index, unread={"uuid": refused.says})

    def ask(name: str, question: Callable[[], Value]) -> Value | None:
        try:
            return question()
        except _Refused as refused:
            unread[name] = refused.says
            return None

    memory = ask("memory_bytes", lambda: _memory(library, handle))
    remapped = ask("remap_pending", lambda: library.numbers("nvmlDeviceGetRemappedRows", handle, count=4))
    persistence = ask("persistent", lambda: library.numbers("nvmlDeviceGetPersistenceMode", handle))
    capability = ask("capability", lambda: _capability(library, handle))
    mig = ask("mig", lambda: _mig(library, handle))
    return Gpu(
        index=index,
        name=ask("name", lambda: library.text("nvmlDeviceGetName", handle)),
        uuid=ask("uuid", lambda: library.text("nvmlDeviceGetUUID", handle)),
        capability=capability,
        memory_bytes=memory.total if memory else None,
        free_bytes=memory.free if memory else None,
        mig=mig,
        instances=tuple(_instances(library, handle)) if mig else (),
        persistent=bool(persistence[0]) if persistence else None,
        uncorrected=ask("uncorrected", lambda: _uncorrected(library, handle)),
        remap_pending=bool(remapped[2]) if remapped else None,
        remap_failed=bool(remapped[3]) if remapped else None,
        processes=ask("processes", lambda: _processes(library, handle)),
        unread=unread,
    )


def _memory(library: _Library, handle: ctypes.c_void_p) -> _Memory:
    memory = _Memory()
    library.call("nvmlDeviceGetMemoryInfo", handle, ctypes.byref(memory))
    return memory


def _capability(library: _Library, handle: ctypes.c_void_p) -> tuple[int, int]:
    major, minor = library.numbers("nvmlDeviceGetCudaComputeCapability", handle, count=2, kind=ctypes.c_int)
    return major, minor


def _uncorrected(library: _Library, handle: ctypes.c_void_p) -> int:
    asked = ("nvmlDeviceGetTotalEccErrors", handle, _UNCORRECTED, _SINCE_LOADED)
    return library.numbers(*asked, kind=ctypes.c_ulonglong)[0]


def _mig(library: _Library, handle: ctypes.c_void_p) -> bool:
    try:
        return bool(library.numbers("nvmlDeviceGetMigMode", handle, count=2)[0])
    except _Refused as refused:
        if refused.code == _NOT_SUPPORTED:
            return False
        raise


def _instances(library: _Library, handle: ctypes.c_void_p) -> Iterator[Instance]:
    try:
        (places,) = library.numbers("nvmlDeviceGetMaxMigDeviceCount", handle)
    except _Refused:
        return
    for place in range(places):
        instance = ctypes.c_void_p()
        try:
            library.call("nvmlDeviceGetMigDeviceHandleByIndex", handle, place, ctypes.byref(instance))
        except _Refused:
            continue  # most places are empty
        yield Instance(
            _or_none(lambda found=instance: library.text("nvmlDeviceGetUUID", found)),
            _or_none(lambda found=instance: _memory(library, found).total),
        )


def _or_none(question: Callable[[], Value]) -> Value | None:
    try:
        return question()
    except _Refused:
        return None


def _processes(library: _Library, handle: ctypes.c_void_p) -> tuple[int, ...]:
    room = _PROCESSES_AT_FIRST
    while True:
        count, found = ctypes.c_uint(room), (_Process * room)()
        try:
            library.call("nvmlDeviceGetComputeRunningProcesses_v3", handle, ctypes.byref(count), found)
        except _Refused as refused:
            if refused.code != _INSUFFICIENT_SIZE:
                raise
            room *= 2
            continue
        return tuple(each.pid for each in found[: count.value])
