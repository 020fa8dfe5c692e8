"""Fleets of real processes on real servers, what they must not do, and the figures that the suites print."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from appliance.settings import Settings
from appliance.storage.migrate import migrate
from tests.chaos.checker import History
from tests.chaos.client import Client
from tests.chaos.fleet import Fleet
from tests.chaos.ledger import Ledger
from tests.chaos.scene import Scene
from tests.cluster.conftest import emptied
from tests.services import postgres_url as postgres_url
from tests.services import redis as redis
from tests.services import redis_of_session as redis_of_session
from tests.services import s3_server as s3_server

LINES = pytest.StashKey[list[str]]()


@pytest.fixture
def figures(request: pytest.FixtureRequest, seed: int) -> Callable[..., None]:
    """Keep a line of figures for the table at the end of the run."""

    def tell(**values: object) -> None:
        shown = ", ".join(f"{name} {value}" for name, value in {"seed": seed, **values}.items())
        request.config.stash.setdefault(LINES, []).append(f"{request.node.name}: {shown}")

    return tell


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print every suite's figures, passed or failed."""
    if lines := config.stash.get(LINES, []):
        terminalreporter.section("never lost, never twice")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture
def seed() -> int:
    """What a run's random choices follow from; CHAOS_SEED names another."""
    return int(os.environ.get("CHAOS_SEED", "3"))


@pytest.fixture
def staged(tmp_path: Path, postgres_url: str) -> Iterator[Callable[..., Scene]]:
    """Set scenes with these settings on an empty database; one at a time, each ends with its test.

    Leases and polls are short, or those that the appliance ships with; the attempts always are.
    """
    open_: list[Scene] = []

    def stage(*, as_shipped: bool = False, **changes: object) -> Scene:
        settings = Settings(
            **{"data_dir": tmp_path, "database_url": postgres_url, "requests_per_minute": 0}
            | ({} if as_shipped else {"lease_s": 3.0, "poll_s": 0.5})
            | changes
        )
        fleet = Fleet(settings)
        migrate(fleet.database)
        history = History()
        scene = Scene(fleet, Ledger(fleet.database), history, lambda: Client(fleet.urls, fleet.headers, history))
        open_.append(scene)
        return scene

    yield stage
    for scene in open_:
        scene.close()
        emptied(scene.fleet.settings.database_url)
