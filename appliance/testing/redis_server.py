"""A Redis server of our own: on loopback, on a free port, in memory, gone at the end."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from appliance.errors import CommandFailed
from appliance.testing.ports import free_port
from appliance.testing.standstill import standing_still

START_LIMIT_S = 10.0


class RedisServer:
    """A server that can be stopped, frozen and started empty on the same port."""

    def __init__(self, program: str, *addresses: str) -> None:
        """Listen on loopback, and on these addresses too."""
        self._addresses = ("127.0.0.1", *addresses)
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._program = program
        self._folder = Path(tempfile.mkdtemp(prefix="meeshy-redis-"))
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, empty."""
        arguments = [
            "--port", self.port, "--bind", *self._addresses, "--protected-mode", "no", "--dir", self._folder,
            "--save", "", "--appendonly", "no",
        ]  # fmt: skip
        self.process = subprocess.Popen([self._program, *map(str, arguments)], stdout=subprocess.DEVNULL)
        until_s = time.monotonic() + START_LIMIT_S
        while time.monotonic() < until_s:
            try:
                with redis.Redis.from_url(self.url) as client:
                    client.ping()
                return
            except redis.ConnectionError:
                time.sleep(0.02)
        raise CommandFailed("Redis did not start.")

    def kill(self) -> None:
        """End it at once; everything it held is lost."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Let it take connections and answer nothing."""
        with standing_still(self.pid):
            yield

    @property
    def pid(self) -> int:
        """Return the process id of the running server."""
        if self.process is None:
            raise ValueError("the server is not running")
        return self.process.pid

    def version(self) -> str:
        """Return what the server says it is."""
        with self.client() as client:
            return client.info("server")["redis_version"]

    def client(self) -> redis.Redis:
        """Return a client of this server."""
        return redis.Redis.from_url(self.url, socket_timeout=5)

    def close(self) -> None:
        """End it and remove its folder."""
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)


def redis_program() -> str | None:
    """Return the path of Redis's server, None where it is not installed."""
    return shutil.which("redis-server")


@contextmanager
def redis_server(program: str, *addresses: str) -> Iterator[RedisServer]:
    """Yield a running server, listening on these addresses too; it is gone at the end."""
    server = RedisServer(program, *addresses)
    try:
        server.start()
        yield server
    finally:
        server.close()
