"""Answers in Redis: sentences and utterances' measures, shared by the workers of several hosts.

Redis holds texts here, so it belongs on the site's inner network, without persistence on disk: what is deleted would
stay in its files. No audio is in it, only objects' names. Losing all of it costs time and nothing else.
"""

import logging
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import msgspec
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from appliance.cache.answers import Answer
from appliance.cache.keys import owner_digest
from appliance.cache.kinds import Kind
from appliance.errors import StorageUnavailable
from appliance.owner import Owner

log = logging.getLogger(__name__)

NAMESPACE = "meeshy:l2"
SILENCE_S = 0.2
"""How long a call waits for a connection, and how long for its answer; both come to far less than what is computed."""
AWAY_S = 2.0
"""After a call that failed, nothing is asked for so long: only the first caller waits."""
VALUE_BYTES_MAX = 64 * 1024
"""A sentence with its alternatives has a few hundred bytes. What is larger is computed again rather than kept."""
KEYS_AT_ONCE = 500

UNREADABLE = object()
_T = TypeVar("_T")


class RedisCache:
    """Implements Cache. An index per owner, and one per job, names what erasure has to remove."""

    beside = True

    def __init__(
        self, url: str, lasts_s: Mapping[Kind, float], monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:  # fmt: skip
        """Keep at this Redis; `lasts_s` has the time of every kind that is kept here. Nothing connects yet."""
        # No retries: a second try would double the delay, and the answer can be computed.
        self._client = redis.Redis.from_url(
            url, socket_connect_timeout=SILENCE_S, socket_timeout=SILENCE_S, retry=Retry(NoBackoff(), 0)
        )
        self._lasts_s = dict(lasts_s)
        self._longest_ms = round(1000 * max(self._lasts_s.values()))
        self._monotonic_s = monotonic_s
        self._away_until_s = float("-inf")

    def recall(self, kind: Kind, keys: Collection[str]) -> dict[str, Any]:
        """Return what is kept; nothing while Redis is away, and a value that cannot be read counts as none."""
        wanted = list(keys)
        if not wanted:
            return {}
        values = self._ask("recall", lambda: self._values(kind, wanted), [])
        found = {key: value for key, value in zip(wanted, values, strict=False) if value is not None}
        return {key: decoded for key, value in found.items() if (decoded := _decoded(value)) is not UNREADABLE}

    def keep(self, answers: Sequence[Answer]) -> None:
        """Keep them with their index entries."""
        now_s = time.time()
        for answer in answers:
            encoded = msgspec.json.encode(answer.value)
            if len(encoded) > VALUE_BYTES_MAX:
                log.info("too large to be kept: %d bytes", len(encoded), extra={"kind": answer.kind})
            else:
                self._ask("keep", lambda kept=answer, value=encoded: self._keep(kept, value, now_s), None)

    def lease(self, keys: Collection[str], holder: str, lasts_s: float) -> set[str]:
        """Take the leases that nobody has; all of them while Redis is away: everybody computes then."""
        wanted = sorted(set(keys))

        def take() -> list[Any]:
            with self._client.pipeline(transaction=False) as pipeline:
                for key in wanted:
                    pipeline.set(_lease(key), holder, nx=True, px=max(1, round(1000 * lasts_s)))
                return pipeline.execute()

        got = self._ask("lease", take, [True] * len(wanted)) if wanted else []
        return {key for key, is_mine in zip(wanted, got, strict=True) if is_mine}

    def forget_job(self, owner: Owner, job_id: str) -> None:
        """Remove a job's answers and its index."""
        with self._required():
            names = self._client.smembers(_job_index(job_id))
            self._remove(names, _owner_index(owner_digest(owner)))
            self._client.delete(_job_index(job_id))

    def forget_owner(self, owner: Owner, kinds: Collection[Kind] = tuple(Kind)) -> None:
        """Remove an owner's answers of these kinds."""
        prefixes = tuple(_name(kind, "").encode() for kind in kinds)
        index = _owner_index(owner_digest(owner))
        with self._required():
            names = self._client.zrange(index, 0, -1)
            self._remove([name for name in names if name.startswith(prefixes)], index)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _remove(self, names: Collection[bytes], index: str) -> None:
        listed = list(names)
        for start in range(0, len(listed), KEYS_AT_ONCE):
            block = listed[start : start + KEYS_AT_ONCE]
            with self._client.pipeline(transaction=True) as pipeline:
                pipeline.unlink(*block)
                pipeline.zrem(index, *block)
                pipeline.execute()

    def _values(self, kind: Kind, keys: Sequence[str]) -> list[bytes | None]:
        return self._client.mget([_name(kind, key) for key in keys])

    def _keep(self, answer: Answer, encoded: bytes, now_s: float) -> None:
        owner, name = owner_digest(answer.owner), _name(Kind(answer.kind), answer.key)
        with self._client.pipeline(transaction=True) as pipeline:
            pipeline.zadd(_owner_index(owner), {name: now_s + answer.lasts_s})
            # What has expired needs no erasure; so an index holds no more than what lives.
            pipeline.zremrangebyscore(_owner_index(owner), "-inf", now_s)
            pipeline.pexpire(_owner_index(owner), self._longest_ms)
            if answer.job_id:
                pipeline.sadd(_job_index(answer.job_id), name)
                pipeline.pexpire(_job_index(answer.job_id), self._longest_ms)
            pipeline.set(name, encoded, px=max(1, round(1000 * answer.lasts_s)))
            pipeline.delete(_lease(answer.key))
            pipeline.execute()

    def _ask(self, what: str, call: Callable[[], _T], otherwise: _T) -> _T:
        """Return what a call to Redis gives, or the other where it does not answer or did not a moment ago."""
        if self._monotonic_s() < self._away_until_s:
            return otherwise
        try:
            return call()
        except redis.RedisError as away:
            self._away_until_s = self._monotonic_s() + AWAY_S
            log.warning("the cache is away: %s", type(away).__name__, extra={"call": what})
            return otherwise

    @contextmanager
    def _required(self) -> Iterator[None]:
        try:
            yield
        except redis.RedisError as away:
            self._away_until_s = self._monotonic_s() + AWAY_S
            raise StorageUnavailable("The cache does not answer.") from away


def _name(kind: Kind, key: str) -> str:
    return f"{NAMESPACE}:{kind}:{key}"


def _lease(key: str) -> str:
    return f"{NAMESPACE}:lease:{key}"


def _owner_index(owner: str) -> str:
    return f"{NAMESPACE}:owner:{owner}"


def _job_index(job_id: str) -> str:
    return f"{NAMESPACE}:job:{job_id}"


def _decoded(value: bytes) -> Any:
    try:
        return msgspec.json.decode(value)
    except msgspec.DecodeError:
        return UNREADABLE
