"""Metrics of a process that is no API: a port of its own that answers nothing else."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import start_http_server

from appliance.settings import Settings
from appliance.telemetry.metrics import Metrics

log = logging.getLogger(__name__)


@contextmanager
def exposed(metrics: Metrics, settings: Settings) -> Iterator[None]:
    """Answer on the site's metrics port until the block ends; nothing listens where the port is 0.

    A port that is taken, by another worker of this host, is told in the log: work is worth more than its metrics.
    """
    if not settings.metrics_port:
        yield
        return
    try:
        server, thread = start_http_server(settings.metrics_port, settings.metrics_host, metrics.registry)
    except OSError as taken:
        log.warning("no metrics: the port cannot be listened on: %s", taken.strerror)
        yield
        return
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
