"""What tests of the console need: one time zone, no colour setting of whoever runs them, a live appliance."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes.conftest import Appliance
from tests.tui.live import living_appliance


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


@pytest.fixture
def appliance(tmp_path: Path) -> Iterator[Appliance]:
    """A live appliance of this test's own."""
    with living_appliance(tmp_path) as running:
        yield running
