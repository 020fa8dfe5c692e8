"""What a console finds at the address of an appliance of any version, on a free loopback port, as told."""

import json
from http.server import BaseHTTPRequestHandler
from typing import Any

from appliance.admin.schema import INTERVAL_S
from appliance.testing.loopback_server import LoopbackServer

PREFIX = "/api/v1/admin/"


class ConsoleServer(LoopbackServer):
    """Runs the server while its `with` block lasts; what it answers can be exchanged at any time."""

    def __init__(self, snapshot: dict[str, Any] | None, interval_s: float = INTERVAL_S) -> None:
        """Tell this document as the snapshot; None: there is nothing for consoles, as before there was one."""
        super().__init__(type("Handler", (_Handler,), {"server_of": self}))
        self.snapshot = snapshot
        self.interval_s = interval_s

    @property
    def address(self) -> str:
        """Return where a console finds it."""
        return f"http://127.0.0.1:{self.port}"


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
