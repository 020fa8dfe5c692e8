"""Metrics of a process that is no API: a port of its own that answers nothing else."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from wsgiref.simple_server import WSGIServer

from prometheus_client import start_http_server

from appliance.settings import Settings
from appliance.telemetry.metrics import Metrics

log = logging.getLogger(__name__)

LAST_PORT = 65535


@contextmanager
def exposed(metrics: Metrics, settings: Settings) -> Iterator[None]:
    """Answer on the first free one of the site's metrics ports until the block ends; nothing listens where it is 0.

    Where none is free, the log tells it: work is worth more than its metrics.
    """
    listening = _listen(metrics, settings) if settings.metrics_port else None
    if listening is None:
        yield
        return
    server, thread = listening
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _listen(metrics: Metrics, settings: Settings) -> tuple[WSGIServer, Thread] | None:
    first = settings.metrics_port
    why = None
    for port in range(first, min(first + settings.metrics_ports, LAST_PORT + 1)):
        try:
            return start_http_server(port, settings.metrics_host, metrics.registry)
        except OSError as taken:
            why = taken.strerror
    log.warning("no metrics: no port from %d on can be listened on: %s", first, why)
    return None
