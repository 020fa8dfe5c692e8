"""Reads the tensors of a legacy PyTorch checkpoint without PyTorch and without running code from the file.

The legacy layout (torch/serialization.py `_legacy_save`, before the zip format of 1.6) is five pickles: a magic
number, a protocol number, facts about the machine, the object itself, and the list of its storages' keys; behind them
every storage as its element count (int64) and its raw little-endian elements. Only the four names that a dictionary
of tensors needs are allowed in the pickles; any other one is refused before it is looked up.
"""

import pickle
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from appliance.errors import ModelCorrupt, ModelMissing

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_ELEMENTS = {
    "DoubleStorage": np.dtype("<f8"),
    "FloatStorage": np.dtype("<f4"),
    "HalfStorage": np.dtype("<f2"),
    "IntStorage": np.dtype("<i4"),
    "LongStorage": np.dtype("<i8"),
}
# What a pickle that was cut or altered ends in; the last two come from absurd sizes.
_DAMAGE = (
    pickle.UnpicklingError,
    EOFError,
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    IndexError,
    OverflowError,
    MemoryError,
)


@dataclass(frozen=True, slots=True)
class _Storage:
    key: str
    dtype: np.dtype
    elements: int


@dataclass(frozen=True, slots=True)
class _Tensor:
    """A tensor's place in its storage; offset and strides count elements."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def read(self, storages: dict[str, np.ndarray]) -> np.ndarray:
        flat = storages[self.storage.key]
        last = self.offset + sum((n - 1) * s for n, s in zip(self.shape, self.strides, strict=True))
        if self.offset < 0 or min(self.strides, default=0) < 0 or last >= max(flat.size, 1):
            raise ModelCorrupt(f"A tensor of the checkpoint lies outside its storage '{self.storage.key}'.")
        width = flat.itemsize
        view = np.lib.stride_tricks.as_strided(flat[self.offset :], self.shape, [s * width for s in self.strides])
        return view.copy()


def _place(storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: Any) -> _Tensor:
    return _Tensor(storage, offset, tuple(shape), tuple(strides))


_ALLOWED: dict[tuple[str, str], Callable[..., Any]] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor"): _place,
    ("torch._utils", "_rebuild_tensor_v2"): _place,
    ("torch._utils", "_rebuild_parameter"): lambda tensor, *_: tensor,
}


class _TensorsOnly(pickle.Unpickler):
    """An unpickler that knows tensors and dictionaries and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if module == "torch" and name in _ELEMENTS:
            return name
        if (module, name) not in _ALLOWED:
            raise ModelCorrupt(f"The checkpoint asks for '{module}.{name}', which is no part of a list of tensors.")
        return _ALLOWED[module, name]

    def persistent_load(self, pid: Any) -> _Storage:
        # ('storage', type, key, device, element count, view metadata): torch/serialization.py `persistent_id`.
        kind, element_type, key, _device, elements = pid[:5]
        if kind != "storage" or element_type not in _ELEMENTS:
            raise ModelCorrupt(f"The checkpoint refers to a '{kind}' that is no tensor storage.")
        return _Storage(str(key), _ELEMENTS[element_type], int(elements))


def _read_storage(file: BinaryIO, storage: _Storage) -> np.ndarray:
    elements = int.from_bytes(file.read(8), "little", signed=True)
    raw = file.read(storage.elements * storage.dtype.itemsize)
    if elements != storage.elements or len(raw) != elements * storage.dtype.itemsize:
        raise ModelCorrupt(f"Storage '{storage.key}' of the checkpoint is cut short.")
    return np.frombuffer(raw, storage.dtype)


def _storages_of(node: Any, found: dict[str, _Storage]) -> dict[str, _Storage]:
    if isinstance(node, _Tensor):
        found[node.storage.key] = node.storage
    elif isinstance(node, dict):
        for child in node.values():
            _storages_of(child, found)
    return found


def _resolve(node: Any, storages: dict[str, np.ndarray]) -> Any:
    if isinstance(node, _Tensor):
        return node.read(storages)
    if isinstance(node, dict):
        return {key: _resolve(value, storages) for key, value in node.items()}
    return node


def read_legacy_checkpoint(path: Path) -> dict[str, Any]:
    """Return the checkpoint's dictionary with its tensors as NumPy arrays of their own.

    Raises ModelMissing without the file and ModelCorrupt for anything that is not a dictionary of tensors in the legacy
    format, an attempt to name other Python objects included.
    """
    if not path.is_file():
        raise ModelMissing(f"The checkpoint '{path.name}' is not installed.")
    with path.open("rb") as file:
        try:
            if (_TensorsOnly(file).load(), _TensorsOnly(file).load()) != (_MAGIC, _PROTOCOL):
                raise ModelCorrupt(f"'{path.name}' is not a legacy PyTorch checkpoint.")
            _TensorsOnly(file).load()
            content = _TensorsOnly(file).load()
            keys = [str(key) for key in _TensorsOnly(file).load()]
            known = _storages_of(content, {})
            # Every stored storage precedes the next: one that no tensor names would leave its length unknown.
            storages = {key: _read_storage(file, known[key]) for key in keys}
            if not isinstance(content, dict):
                raise ModelCorrupt(f"'{path.name}' holds no dictionary of tensors.")
            return _resolve(content, storages)
        except _DAMAGE as error:
            raise ModelCorrupt(f"'{path.name}' cannot be read as a checkpoint.") from error
