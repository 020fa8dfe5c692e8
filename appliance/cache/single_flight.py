"""One computes, the others wait a moment: what keeps many misses of one key from computing it many times.

A lease in the cache says who computes. It ends by itself, so that whoever dies with it holds nobody up; and nobody
waits for longer than a bounded time, after which it computes too. A value computed twice is the same value.
"""

import secrets
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any

from appliance.cache.interface import Cache
from appliance.cache.kinds import Kind
from appliance.clock import Clock

FIRST_PAUSE_S, PAUSE_GROWTH, LONGEST_PAUSE_S = 0.01, 1.5, 0.2
"""Between looks of those that wait: each asks the cache for the value and for the lease."""


def computed_once(
    cache: Cache,
    kind: Kind,
    keys: Collection[str],
    compute: Callable[[Collection[str]], Mapping[str, Any]],
    keep: Callable[[Mapping[str, Any]], None],
    *,
    clock: Clock,
    wait_s: float,
    lease_s: float,
    pause: Callable[[float], None] = time.sleep,
) -> dict[str, Any]:
    """Return the values of all keys: recalled, computed here, or computed elsewhere while this call waited.

    `compute` is given the keys that nobody else computes, and returns the values of those that it could compute; what
    it leaves out is nobody's, and missing in the result. `keep` is given what was computed. `lease_s` should exceed
    what computing takes: where it does not, somebody else computes as well.
    """
    found = cache.recall(kind, keys)
    wanted = [key for key in dict.fromkeys(keys) if key not in found]
    holder, pause_s = secrets.token_hex(8), FIRST_PAUSE_S
    until_s = clock.monotonic_s() + wait_s
    while wanted:
        mine = cache.lease(wanted, holder, lease_s)
        if not mine and clock.monotonic_s() >= until_s:
            mine = set(wanted)
        if mine:
            found |= _computed(cache, kind, mine, holder, compute, keep)
            # What could not be computed is given up: it would fail again at once.
            wanted = [key for key in wanted if key not in mine]
            continue
        pause(pause_s)
        pause_s = min(LONGEST_PAUSE_S, pause_s * PAUSE_GROWTH)
        found |= cache.recall(kind, wanted)
        wanted = [key for key in wanted if key not in found]
    return found


def _computed(
    cache: Cache,
    kind: Kind,
    mine: Collection[str],
    holder: str,
    compute: Callable[[Collection[str]], Mapping[str, Any]],
    keep: Callable[[Mapping[str, Any]], None],
) -> dict[str, Any]:
    try:
        # Between the look and the lease, the holder before may have finished.
        found = cache.recall(kind, mine)
        values = dict(compute(missing)) if (missing := [key for key in sorted(mine) if key not in found]) else {}
        if values:
            keep(values)
        return found | values
    finally:
        cache.release(mine, holder)
