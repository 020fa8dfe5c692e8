"""Doorbells: Dramatiq messages that say "there is work". Losing or repeating one changes nothing but latency."""

import logging
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

import dramatiq
from dramatiq.brokers.stub import StubBroker
from dramatiq.middleware import Retries

from appliance.errors import MeeshyError

log = logging.getLogger(__name__)

QUEUE = "work"


class LocalDoorbell:
    """Rings inside one process through Dramatiq's in-memory broker: one thread answers, one ring at a time."""

    def __init__(self, answer: Callable[[], object]) -> None:
        """Call `answer` for every ring."""
        # Retries with none left replaces Dramatiq's default middleware: a doorbell has no time limit (C code could not
        # be interrupted anyway) and is never repeated, because the next ring or poll finds the same rows.
        self._broker = StubBroker(middleware=[Retries(max_retries=0)])
        self._pending = threading.Event()

        def ring() -> None:
            self._pending.clear()
            try:
                answer()
            except MeeshyError as failure:
                # Dramatiq keeps dead messages in memory for ever, so nothing may escape that is expected to happen.
                log.warning("doorbell not answered: %s", failure)

        self._actor = dramatiq.actor(ring, broker=self._broker, actor_name="ring", queue_name=QUEUE, max_retries=0)
        self._worker = dramatiq.Worker(self._broker, worker_threads=1, worker_timeout=200)

    def __enter__(self) -> Self:
        """Start the answering thread."""
        self._worker.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for the ring in hand and stop."""
        self._worker.stop()
        self._broker.close()

    def ring(self) -> None:
        """Wake the worker; rings that nobody has answered yet count once."""
        if not self._pending.is_set():
            self._pending.set()
            self._actor.send()
