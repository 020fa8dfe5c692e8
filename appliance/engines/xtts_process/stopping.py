"""Giving up work that nobody waits for any more."""

from collections.abc import Callable

Asked = Callable[[], bool]
"""Says whether the work is no longer wanted."""


class Cancelled(Exception):
    """Whoever asked for this does not want it any more."""
