"""What every measurement of `bench queue` works with: real servers, appliances on them, and stock Dramatiq."""

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial

from appliance.bench.queue.site import Environment, Site, opened_site
from appliance.bench.queue.stock import StockQueue
from appliance.bench.quiet import others_cpu_s
from appliance.bench.timekeeper import Timekeeper
from appliance.errors import CommandFailed
from appliance.settings import Settings
from appliance.testing.postgres import PostgresServer, postgres_programs, postgres_server
from appliance.testing.redis_server import RedisServer, redis_program, redis_server


@dataclass(frozen=True)
class Servers:
    """The servers of a run."""

    postgres: PostgresServer
    redis: RedisServer

    def versions(self) -> dict[str, str]:
        """Return the servers' own versions by name."""
        return {"postgresql": self.postgres.version(), "redis": self.redis.version()}

    def others_s(self) -> Callable[[], float]:
        """Return what gives the processor seconds of everything that is not part of the bench."""
        # PostgreSQL has put itself in the background, so it is no child of ours.
        return partial(others_cpu_s, (self.postgres.pid,))


@dataclass(frozen=True)
class QueueLab(Timekeeper):
    """Handed to every measurement. The settings name an empty data folder that lives as long as the bench."""

    settings: Settings
    servers: Servers
    environment: Environment
    seed: int

    def random(self, name: str) -> random.Random:
        """Return a row's own random numbers."""
        return random.Random(f"{self.seed} {name}")  # noqa: S311  pauses, no secrets

    @contextmanager
    def stock(self, name: str, **broker: int) -> Iterator[StockQueue]:
        """Yield a queue of stock Dramatiq without workers yet; `broker` are arguments that are not its defaults."""
        queue = StockQueue(self.servers.redis.url, name, self.settings.data_dir / f"{name}-stock", broker)
        try:
            yield queue
        finally:
            queue.close()

    @contextmanager
    def site(self, name: str, **changes: object) -> Iterator[Site]:
        """Yield an appliance on a database of this name, with every setting as it is shipped but these changes.

        It has no workers yet.
        """
        settings = self.settings.model_copy(
            update={
                "data_dir": self.settings.data_dir / name,
                "database_url": self.servers.postgres.create_database(name),
                "redis_url": self.servers.redis.url,
                **changes,
            }
        )
        try:
            with opened_site(settings, self.environment) as site:
                yield site
        finally:
            self.servers.postgres.drop_database(name)


@contextmanager
def opened_servers() -> Iterator[Servers]:
    """Yield servers of our own on loopback; CommandFailed says which one is not installed."""
    programs, redis = postgres_programs(), redis_program()
    if programs is None:
        raise CommandFailed("PostgreSQL's server is not installed; on Debian: apt-get install postgresql")
    if redis is None:
        raise CommandFailed("Redis's server is not installed; on Debian: apt-get install redis-server")
    with ExitStack() as stack:
        postgres = stack.enter_context(postgres_server(programs, durable=True))
        yield Servers(postgres, stack.enter_context(redis_server(redis)))
