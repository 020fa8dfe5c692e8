"""Running the API on a port."""

import socket
from collections.abc import Callable

import uvicorn
import uvloop
from litestar import Litestar

from appliance import notify
from appliance.api import door
from appliance.api.protocol import BoundedHttp

GRACE_S = 5
"""Open requests get this long to end; streams of events are cut then."""
KEEP_ALIVE_S = 75
"""How long an idle connection is kept: longer than clients and proxies keep theirs (httpx 5 s, nginx 60 s). Where the
server closes first, a request may meet a connection that is just being closed, and nobody knows what became of it."""


class ApiServer:
    """Uvicorn around the application: binds at once, serves until it is stopped or signalled, ends gracefully."""

    def __init__(self, app: Litestar, host: str, port: int) -> None:
        """Listen on the address, so that a taken port fails here; port 0 takes any free one."""
        self._socket = door.open_door(host, port)
        # asyncio sets this only on sockets made for IPPROTO_TCP, which create_server's are not; accepted ones inherit
        # it. Without it every answer waits for the client's delayed acknowledgement: /health/live took 48 ms, now 2.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.port: int = self._socket.getsockname()[1]
        self._server = _Announcing(
            uvicorn.Config(
                app, log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=GRACE_S,
                timeout_keep_alive=KEEP_ALIVE_S, lifespan="on", ws="none", http=BoundedHttp, callback_notify=_say_alive,
                timeout_notify=notify.ALIVE_EVERY_S,
            )
        )  # fmt: skip

    def run(self, ready: Callable[[int], None] | None = None) -> None:
        """Serve; `ready` is called with the port once requests are answered. Returns after a stop or a signal."""
        self._server.announce = (lambda: ready(self.port)) if ready else None
        try:
            uvloop.run(self._server.serve(sockets=[self._socket]))
        finally:
            self._socket.close()

    def stop(self) -> None:
        """Ask the server to finish what it has and return; safe from any thread."""
        self._server.should_exit = True


async def _say_alive() -> None:
    """Called by the loop that answers requests."""
    notify.alive()


class _Announcing(uvicorn.Server):
    announce: Callable[[], None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if self.announce and self.started:
            self.announce()
        if self.started:
            door.ready()
            notify.ready()


def serve(app: Litestar, host: str, port: int, ready_callback: Callable[[int], None] | None = None) -> None:
    """Serve until SIGTERM or SIGINT; see ApiServer."""
    ApiServer(app, host, port).run(ready_callback)
