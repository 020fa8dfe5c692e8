"""One log line per request: method, route, status, time; never a body, a query, a header or a transcript."""

import json
import logging
import time
from typing import Any

from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger(__name__)


class LogRequests(ASGIMiddleware):
    """Writes the line when the response has been sent."""

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Pass the request on and note how it was answered."""
        began_s, status = time.monotonic(), 0

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await next_app(scope, receive, noting)
        finally:
            fields = {
                "method": scope["method"],
                # The template, not the path: a path may hold anything that a client puts there.
                "route": scope.get("path_template", ""),
                "status": status,
                "ms": round((time.monotonic() - began_s) * 1000, 1),
            }
            log.info("request", extra={"fields": fields})


class JsonLines(logging.Formatter):
    """Formats a record as one JSON line; what a record carries in `extra={"fields": …}` stands beside the message."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; of an exception only its type, because its text may quote a transcript."""
        line: dict[str, Any] = {
            "at_s": round(record.created, 3),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info and record.exc_info[0]:
            line["exception"] = record.exc_info[0].__qualname__
        line |= getattr(record, "fields", {})
        return json.dumps(line, ensure_ascii=False, default=str)
