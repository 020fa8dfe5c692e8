"""A voice as bytes and back, as an .npz without pickles."""

import io
import json
import zipfile

import numpy as np

from appliance.engines.protocols import Voice
from appliance.engines.voice_version import content_version
from appliance.errors import ModelCorrupt

_FACTS = "voice.json"
_KINDS = ("stock", "matched", "cloned")


def to_bytes(voice: Voice) -> bytes:
    """Return the voice as an .npz: one member per array (`array.<name>`) and the scalars as JSON text."""
    facts = {"kind": voice.kind, "engine": voice.engine, "version": voice.version, "parameters": voice.parameters}
    members = {f"array.{name}": np.asarray(array) for name, array in voice.arrays.items()}
    target = io.BytesIO()
    np.savez(target, **{_FACTS: np.array(json.dumps(facts, sort_keys=True))}, **members)
    return target.getvalue()


def from_bytes(content: bytes) -> Voice:
    """Return the voice that `to_bytes` wrote; raise ModelCorrupt where its version is not its content's hash."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as members:
            facts = json.loads(str(members[_FACTS]))
            arrays = {name.removeprefix("array."): members[name] for name in members.files if name != _FACTS}
        parameters = {str(name): float(value) for name, value in facts["parameters"].items()}
        kind, engine, version = facts["kind"], str(facts["engine"]), str(facts["version"])
    except (ValueError, KeyError, TypeError, AttributeError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise ModelCorrupt("The stored voice cannot be read.") from error
    if kind not in _KINDS or content_version(engine, arrays, parameters) != version:
        raise ModelCorrupt("The stored voice was altered.")
    return Voice(kind, engine, arrays, version, parameters)
