"""The second cache level as its users see it: `DatabaseCache` and `RedisCache` are the two of it."""

from collections.abc import Collection, Sequence
from typing import Any, Protocol

from appliance.cache.answers import Answer
from appliance.cache.kinds import Kind
from appliance.owner import Owner


class Cache(Protocol):
    """Answers by key. A key holds its owner and everything that shapes the value, so whoever can name it may have it.

    Work goes on without a cache: one that is away knows nothing, keeps nothing, and lets everybody compute. Only
    forgetting fails then, because what was promised to be gone would come back with the server.
    """

    beside: bool
    """Whether answers are kept beside the database; else they are rows, and belong to their job's own transaction."""

    def recall(self, kind: Kind, keys: Collection[str]) -> dict[str, Any]:
        """Return the values of those keys that are kept and not expired."""
        ...

    def keep(self, answers: Sequence[Answer]) -> None:
        """Keep values under their keys and end the leases on them; what is too large for this cache is left out."""
        ...

    def lease(self, keys: Collection[str], holder: str, lasts_s: float) -> set[str]:
        """Return for which of these keys this holder shall compute.

        Where hosts share a cache, nobody else does so until the answer is kept or the lease has ended by itself.
        """
        ...

    def forget_job(self, owner: Owner, job_id: str) -> None:
        """Remove every answer that came from a job; StorageUnavailable while that cannot be done."""
        ...

    def forget_owner(self, owner: Owner, kinds: Collection[Kind] = tuple(Kind)) -> None:
        """Remove an owner's answers of these kinds; StorageUnavailable while that cannot be done."""
        ...

    def close(self) -> None:
        """Give connections back."""
        ...
