"""A voice as bytes and back, as an .npz without pickles."""

import io
import json
import zipfile
from collections.abc import Mapping

import numpy as np

from appliance.engines.protocols import Voice
from appliance.engines.voice_version import content_version
from appliance.errors import ModelCorrupt

_FACTS = "voice.json"
_KINDS = ("stock", "matched", "cloned")
_ARRAY, _BESIDE = "array.", "beside."


def to_bytes(voice: Voice, beside: Mapping[str, np.ndarray] | None = None) -> bytes:
    """Return the voice as an .npz: one member per array (`array.<name>`) and the scalars as JSON text.

    Arrays `beside` it (`beside.<name>`) are no part of the voice: `beside_of` gives them back.
    """
    facts = {"kind": voice.kind, "engine": voice.engine, "version": voice.version, "parameters": voice.parameters}
    members = {f"{_ARRAY}{name}": np.asarray(array) for name, array in voice.arrays.items()}
    members |= {f"{_BESIDE}{name}": np.asarray(array) for name, array in (beside or {}).items()}
    target = io.BytesIO()
    np.savez(target, **{_FACTS: np.array(json.dumps(facts, sort_keys=True))}, **members)
    return target.getvalue()


def from_bytes(content: bytes) -> Voice:
    """Return the voice that `to_bytes` wrote; raise ModelCorrupt where its version is not its content's hash."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as members:
            facts = json.loads(str(members[_FACTS]))
            arrays = _named(members, _ARRAY)
        parameters = {str(name): float(value) for name, value in facts["parameters"].items()}
        kind, engine, version = facts["kind"], str(facts["engine"]), str(facts["version"])
    except (ValueError, KeyError, TypeError, AttributeError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise ModelCorrupt("The stored voice cannot be read.") from error
    if kind not in _KINDS or content_version(engine, arrays, parameters) != version:
        raise ModelCorrupt("The stored voice was altered.")
    return Voice(kind, engine, arrays, version, parameters)


def beside_of(content: bytes) -> dict[str, np.ndarray]:
    """Return the arrays that were written beside a voice, none where there were none; ModelCorrupt as `from_bytes`."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as members:
            return _named(members, _BESIDE)
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise ModelCorrupt("The stored voice cannot be read.") from error


def _named(members: np.lib.npyio.NpzFile, prefix: str) -> dict[str, np.ndarray]:
    return {name.removeprefix(prefix): members[name] for name in members.files if name.startswith(prefix)}
