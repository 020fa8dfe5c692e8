"""What every test of the console needs: one time zone, no colour setting of whoever runs them."""

import time
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def same_place_everywhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Times of day are drawn in the zone of the terminal."""
    for name in ("NO_COLOR", "TEXTUAL", "COLORTERM", "COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()
