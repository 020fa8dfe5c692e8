"""A fuse in the path of a submit: it counts the steps from the recording's object to the answer, and kills at one.

Steps are: before and after the object is stored; before every statement and the commit of what follows in the same
thread; before and after the ring; before the answer and after it.
"""

import os
import signal
import threading
from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa

from appliance.storage.objects import ObjectStore
from appliance.workers.bells import RedisRinger

FAIL_AT = "x-fail-at"
"""The request's header that lights the fuse: the number of the step to die at, 0 to count alone."""
STEPS = "x-steps"
"""The answer's header: how many steps were passed when it began; one more comes after it."""


class Fuse:
    """Counts one submit at a time; the process dies at the chosen step."""

    def __init__(self) -> None:
        """Count nothing until it is lit."""
        self._at: int | None = None
        self._steps = 0
        self._thread: int | None = None

    def light(self, at: int) -> None:
        """Count from now on and die at this step."""
        self._at, self._steps, self._thread = at, 0, None

    def step(self) -> int:
        """Pass a step, or end at it as a power cut ends it; return how many were passed."""
        if self._at is not None:
            self._steps += 1
            if self._steps == self._at:
                os.kill(os.getpid(), signal.SIGKILL)
        return self._steps

    def out(self) -> None:
        """Count nothing more."""
        self._at = None

    def begin(self) -> None:
        """Count the statements of this thread from here on."""
        self._thread = threading.get_ident() if self._at is not None else None

    def statement(self, *_: object) -> None:
        """Pass a step where this thread runs the submit."""
        if self._thread == threading.get_ident():
            self.step()

    def watch_statements(self) -> None:
        """Pass a step before every statement and commit of any engine."""
        sa.event.listen(sa.Engine, "before_cursor_execute", self.statement)
        sa.event.listen(sa.Engine, "commit", self.statement)


class FusedStore:
    """An object store with steps around the recording's `put`."""

    def __init__(self, store: ObjectStore, fuse: Fuse) -> None:
        """Stand before this store."""
        self._store, self._fuse = store, fuse

    def __getattr__(self, name: str) -> Any:
        """Pass everything else on."""
        return getattr(self._store, name)

    def put(self, name: str, content: bytes) -> None:
        """Store between two steps; what this thread does next belongs to the submit."""
        self._fuse.begin()
        self._fuse.step()
        self._store.put(name, content)
        self._fuse.step()


def fused_ringer(fuse: Fuse) -> type[RedisRinger]:
    """Return the ringer's class with steps around each ring."""

    class FusedRinger(RedisRinger):
        def ring(self, families: Sequence[str]) -> None:
            fuse.step()
            super().ring(families)
            fuse.step()

    return FusedRinger


def fused_app(app: Callable[..., Any], fuse: Fuse) -> Callable[..., Any]:
    """Return the ASGI application with a step before an answer and one after it; a request's header lights the fuse."""

    async def fused(scope: dict[str, Any], receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        asked = dict(scope.get("headers", ())).get(FAIL_AT.encode())
        if asked is None:
            return await app(scope, receive, send)
        fuse.light(int(asked))

        async def sending(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                steps = fuse.step()
                message = {**message, "headers": [*message["headers"], (STEPS.encode(), str(steps).encode())]}
            await send(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                fuse.step()
                fuse.out()

        return await app(scope, receive, sending)

    return fused
