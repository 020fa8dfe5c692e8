"""A real HTTP server on a free loopback port while a `with` block lasts; what stands in for others builds on it."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self


class LoopbackServer:
    """Serves with these handlers, each request in a thread of its own."""

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        """Serve with this handler, which may wait for `stopping` and has to end with it."""
        self._handler = handler
        self.stopping = threading.Event()

    def __enter__(self) -> Self:
        """Start listening."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop, letting go of requests that are held."""
        self.stopping.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def port(self) -> int:
        """Return the port it listens on."""
        return self._server.server_address[1]
