"""Tries an object store with one small object: that a server answers does not say that it takes and gives anything.

SeaweedFS's gateway answers for a bucket before its volumes have come back, and for keys that may only read.
"""

import secrets
import threading

from appliance.errors import NotFound, StorageUnavailable
from appliance.storage.objects import ObjectStore

TRIALS = "doctor/"
"""Where these objects lie until they are deleted; what a killed process left of them, housekeeping deletes."""
TRIAL_BYTES = 1 << 16

_OF_THREAD = threading.local()


def require_working(objects: ObjectStore) -> None:
    """Write, read and delete TRIAL_BYTES of noise; StorageUnavailable, with the reason, where that does not work.

    A thread uses one name for all its trials: a store that takes them and does not answer would be filled by them.
    """
    name, content = _name(), secrets.token_bytes(TRIAL_BYTES)
    try:
        objects.put(name, content)
        same = objects.get(name) == content
    except NotFound:
        same = False
    finally:
        objects.delete(name)
    if not same:
        raise StorageUnavailable("The object store gave back other bytes than it got.")


def _name() -> str:
    if not hasattr(_OF_THREAD, "name"):
        _OF_THREAD.name = f"{TRIALS}{secrets.token_hex(16)}"
    return _OF_THREAD.name
