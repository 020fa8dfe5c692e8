"""What a voice is named by: a hash of everything that shapes its sound."""

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np


def content_version(engine: str, arrays: Mapping[str, Any], parameters: Mapping[str, float]) -> str:
    """Return 32 hex digits that change with every value that shapes the voice's sound."""
    digest = hashlib.sha256(engine.encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"|{name}:{array.dtype.str}:{array.shape}|".encode() + array.tobytes())
    for name in sorted(parameters):
        digest.update(f"|{name}={float(parameters[name])!r}".encode())
    return digest.hexdigest()[:32]
