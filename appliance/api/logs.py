"""One log line per request: method, route, status, time; never a body, a query, a header or a transcript."""

import logging
import time

from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from appliance.telemetry.metrics import Metrics

log = logging.getLogger(__name__)

REFUSAL = "meeshy_refusal"
"""Where a request's scope holds the code of an error that refused it for a limit or an outage."""
REFUSED_PRIORITY = "meeshy_refused_priority"
"""Where it holds the priority of a job that admission refused."""


class LogRequests(ASGIMiddleware):
    """Writes the line, and counts the request, when the response has been sent."""

    scopes = (ScopeType.HTTP,)

    def __init__(self, metrics: Metrics) -> None:
        """Count into these metrics."""
        self._metrics = metrics

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
            took_s = time.monotonic() - began_s
            fields = {
                "method": scope["method"],
                # The template, not the path: a path may hold anything that a client puts there.
                "route": scope.get("path_template", ""),
                "status": status,
                "ms": round(took_s * 1000, 1),
            }
            log.info("request", extra=fields)
            refusal, priority = scope.get(REFUSAL), scope.get(REFUSED_PRIORITY)
            self._metrics.answered(fields["route"], fields["method"], status, took_s, refusal, priority)
