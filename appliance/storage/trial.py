"""Tries an object store with one small object: that a server answers does not say that it takes and gives anything.

SeaweedFS's gateway answers for a bucket before its volumes have come back, and while they are full.
"""

import secrets

from appliance.errors import NotFound, StorageUnavailable
from appliance.storage.objects import ObjectStore

TRIALS = "doctor/"
"""Where these objects lie until they are deleted; what a killed process left of them, housekeeping deletes."""
TRIAL_BYTES = 1 << 16


def require_working(objects: ObjectStore) -> None:
    """Write, read and delete TRIAL_BYTES of noise; StorageUnavailable, with the reason, where that does not work."""
    name, content = f"{TRIALS}{secrets.token_hex(16)}", secrets.token_bytes(TRIAL_BYTES)
    objects.put(name, content)
    try:
        same = objects.get(name) == content
    except NotFound:
        same = False
    finally:
        objects.delete(name)
    if not same:
        raise StorageUnavailable("The object store gave back other bytes than it got.")
