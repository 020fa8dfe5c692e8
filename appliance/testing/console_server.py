"""What a console finds at the address of an appliance of any version, on a free loopback port, as told."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from appliance.admin.schema import INTERVAL_S

PREFIX = "/api/v1/admin/"


class ConsoleServer:
    """Runs the server while its `with` block lasts; what it answers can be exchanged at any time."""

    def __init__(self, snapshot: dict[str, Any] | None, interval_s: float = INTERVAL_S) -> None:
        """Tell this document as the snapshot; None: there is nothing for consoles, as before there was one."""
        self.snapshot = snapshot
        self.interval_s = interval_s
        self.stopping = threading.Event()

    def __enter__(self) -> Self:
        """Start listening."""
        owner = self

        class Handler(_Handler):
            server_of = owner

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop, ending the streams."""
        self.stopping.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def address(self) -> str:
        """Return where a console finds it."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server_of: ConsoleServer

    def do_GET(self) -> None:
        """Answer as this version does."""
        told = self.server_of.snapshot
        what = self.path.removeprefix(PREFIX)
        if told is None or what == self.path:
            self._answer(404, {"status": 404, "code": "not_found", "detail": "There is nothing at this address."})
        elif what == "events":
            self._stream()
        elif what == "me":
            self._answer(200, {"name": "anna", "role": "operator", "key_id": "k1"})
        elif what == "snapshot":
            self._answer(200, told)
        else:
            self._answer(404, {"status": 404, "code": "not_found", "detail": "This version does not tell that."})

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet."""

    def _answer(self, status: int, document: dict[str, Any]) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self) -> None:
        """Send the snapshot again and again, until there is nothing for consoles any more or nobody listens."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        try:
            while (told := self.server_of.snapshot) is not None:
                self.wfile.write(b"event: snapshot\ndata: " + json.dumps(told).encode() + b"\n\n")
                if self.server_of.stopping.wait(self.server_of.interval_s):
                    return
        except OSError:
            return  # nobody listens any more
