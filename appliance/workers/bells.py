"""Doorbells over Redis: one queue per worker process, rung by whoever makes work for what that process can do.

A queue of its own means that a busy worker's unread ring never stands in for an idle one's. A ring says only "look":
the rows say what there is, and a slow poll behind it finds what nobody rang for.
"""

import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from types import TracebackType
from typing import Self

import dramatiq
import redis
from dramatiq.broker import Consumer, MessageProxy
from dramatiq.brokers.redis import RedisBroker, _RedisConsumer
from dramatiq.errors import ConnectionClosed
from dramatiq.middleware import Retries

from appliance.errors import MeeshyError

log = logging.getLogger(__name__)

NAMESPACE = "meeshy"
ACTOR = "ring"
WAIT_S = 0.5
"""How long one look for a ring lasts in Redis, at most; ending a listener waits for it."""
BUSY_S = 0.005
"""How often a listener looks whether a ring has been answered, when it has got as many as it may hold."""
PREFETCH = 1
"""A ring waits in Redis until the one before it is answered, where others see it and ring no second time."""
KEEP_RINGS_S = 600
"""A queue that nobody reads, of a worker that has died, goes away by itself."""
AWAY_S = 1.0
"""After a failed ring Redis is left alone for so long: nobody's request waits for a server that is away."""
CONNECT_S = 0.5


class _Bells(RedisBroker):
    """Dramatiq's broker without delay queues, which no ring needs and whose polling doubles the idle load."""

    def declare_queue(self, queue_name: str) -> None:
        """Declare the queue alone."""
        if queue_name not in self.queues:
            self.emit_before("declare_queue", queue_name)
            self.queues.add(queue_name)
            self.emit_after("declare_queue", queue_name)

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5000) -> Consumer:
        """Return a consumer that waits in Redis instead of polling it."""
        return _Listener(self, queue_name, prefetch)


class _Listener(_RedisConsumer):
    """Dramatiq's consumer, which sleeps between looks, woken by Redis as soon as its queue holds something.

    Dramatiq's own pauses grow to `worker_timeout`: idle, a ring waits for half a second on average by default, and at
    20 ms the looking takes 4 % of a core (bench queue, idle_pick_up).
    """

    def __init__(self, broker: _Bells, queue_name: str, prefetch: int) -> None:
        super().__init__(broker, queue_name, prefetch, timeout=0)
        self._key = f"{broker.namespace}:{queue_name}"

    def __next__(self) -> MessageProxy | None:
        message = super().__next__()
        if message is None:
            self._wait()
        return message

    def _wait(self) -> None:
        if self.outstanding_message_count >= self.prefetch:
            # Nothing more may be fetched, so a queue that holds something is no reason to look at once.
            time.sleep(BUSY_S)
            return
        try:
            # From the queue's end to its own end: nothing moves, but Redis answers when something is there.
            self.broker.client.blmove(self._key, self._key, WAIT_S, "RIGHT", "RIGHT")
        except (redis.ConnectionError, redis.TimeoutError) as away:
            raise ConnectionClosed(away) from None


def queue_of(worker_id: str) -> str:
    """Return the name of a worker's own queue."""
    return f"bell-{worker_id}"


class RedisDoorbell:
    """The listening side: calls `answer` for every ring that reaches this worker's queue."""

    def __init__(self, url: str, worker_id: str, answer: Callable[[], None]) -> None:
        """Listen at a Redis URL; `answer` has to be quick, since it holds the broker's only thread."""
        # No retries, no time limit: the next ring or poll finds the same rows.
        self._broker = _Bells(client=_client(url), namespace=NAMESPACE, middleware=[Retries(max_retries=0)])
        dramatiq.actor(
            answer, broker=self._broker, actor_name=ACTOR, queue_name=queue_of(worker_id), max_retries=0
        )  # fmt: skip
        self._worker = dramatiq.Worker(self._broker, worker_threads=1, worker_timeout=round(1000 * WAIT_S))
        self._worker.queue_prefetch = PREFETCH  # Dramatiq takes two for each thread

    def __enter__(self) -> Self:
        """Start listening."""
        self._worker.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening."""
        self._worker.stop(timeout=5000)
        self._broker.close()


class RedisRinger:
    """The ringing side: `ring` returns at once; a thread behind it tells the workers that can do such work."""

    def __init__(self, url: str, listeners: Callable[[], Mapping[str, Collection[str]]]) -> None:
        """Ring at a Redis URL; `listeners` gives the living workers' ids with the families each can run."""
        self._client = _client(url)
        self._broker = _Bells(client=self._client, namespace=NAMESPACE, middleware=[])
        self._listeners = listeners
        self._lock = threading.Lock()
        self._wanted: set[str] = set()
        self._rung: Mapping[str, Collection[str]] = {}
        self._wake = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="ringer", daemon=True)

    def __enter__(self) -> Self:
        """Start the ringing thread."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ring what is waiting, then stop."""
        self._closing = True
        self._wake.set()
        self._thread.join(5)
        self._client.close()

    def ring(self, families: Sequence[str]) -> None:
        """Say that there is work of these families; rings that nobody has passed on yet count once."""
        with self._lock:
            self._wanted.update(families)
        self._wake.set()

    def _run(self) -> None:
        while not self._closing:
            self._wake.wait()
            self._wake.clear()
            with self._lock:
                wanted, self._wanted = self._wanted, set()
            if not wanted:
                continue
            try:
                self.tell(wanted)
            except (redis.RedisError, dramatiq.DramatiqError, MeeshyError) as failure:
                # Redis or the database is away; the workers' poll finds the work meanwhile.
                log.warning("not rung: %s", type(failure).__name__)
                time.sleep(AWAY_S)

    def tell(self, wanted: Collection[str]) -> None:
        """Ring every living worker that takes one of these families, in this thread; a RedisError says why not."""
        # Who was there before hears it at once. Looking up who is there now takes longer than ringing.
        before = self._rung
        self._enqueue(wanted, before)
        self._rung = self._listeners()
        self._enqueue(wanted, {worker: able for worker, able in self._rung.items() if worker not in before})

    def _enqueue(self, wanted: Collection[str], listeners: Mapping[str, Collection[str]]) -> None:
        queues = [queue_of(worker) for worker, able in listeners.items() if set(wanted) & set(able)]
        if not queues:
            return
        with self._client.pipeline(transaction=False) as pipeline:
            for queue in queues:
                pipeline.llen(f"{NAMESPACE}:{queue}")
            unread = pipeline.execute()
        for queue, rings in zip(queues, unread, strict=True):
            # A ring that waits unread will be answered after this moment, so it stands for this one too.
            if not rings:
                self._broker.enqueue(dramatiq.Message(queue, ACTOR, (), {}, {}))
                self._client.expire(f"{NAMESPACE}:{queue}", KEEP_RINGS_S)
                self._client.expire(f"{NAMESPACE}:{queue}.msgs", KEEP_RINGS_S)


def _client(url: str) -> "redis.Redis":
    # A second beyond the longest wait without an answer means that nobody is there.
    return redis.Redis.from_url(url, socket_connect_timeout=CONNECT_S, socket_timeout=WAIT_S + 1.0)
