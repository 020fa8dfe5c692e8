"""A PostgreSQL server of our own: on loopback, on a free port, in a folder that goes away with it."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
from psycopg import sql

from appliance.testing.ports import free_port

POSTGRES_USER = "postgres"


class PostgresServer:
    """A server that can be stopped, started on the same port with what it had committed, and frozen."""

    def __init__(self, programs: Path, *addresses: str, durable: bool = False) -> None:
        """Listen on loopback, and on these addresses too, where everybody in their /24 networks is trusted.

        Only a `durable` one waits for the disk at every commit, as the server does by default.
        """
        self._programs = programs
        self._folder = Path(tempfile.mkdtemp(prefix="meeshy-pg-"))
        if os.geteuid() == 0:
            shutil.chown(self._folder, POSTGRES_USER)
        port = free_port()
        self._base = f"postgresql://{POSTGRES_USER}@127.0.0.1:{port}"
        self.url = f"{self._base}/postgres"
        listen = ",".join(("127.0.0.1", *addresses))
        self._options = f"-p {port} -c listen_addresses={listen} -c unix_socket_directories={self._folder}"
        if not durable:
            # "immediate" ends the processes, not the operating system.
            self._options += " -c fsync=off"
        self._run("initdb", "-A", "trust", "-U", POSTGRES_USER)
        with (self._folder / "data" / "pg_hba.conf").open("a") as trusted:
            trusted.writelines(f"host all all {address}/24 trust\n" for address in addresses)

    def start(self) -> None:
        """Start, and return once it takes connections."""
        self._run("pg_ctl", "-w", "-l", self._folder / "log", "-o", self._options, "start")

    def stop(self) -> None:
        """End it as a crash does; what was committed is there at the next start."""
        if self._process_file.exists():
            self._run("pg_ctl", "-m", "immediate", "stop")

    def create_database(self, name: str) -> str:
        """Make an empty database and return its URL."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return f"{self._base}/{name}"

    def drop_database(self, name: str) -> None:
        """Remove a database with everything in it, whoever is still connected."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def version(self) -> str:
        """Return what the server says it is."""
        with psycopg.connect(self.url) as connection:
            row = connection.execute("SHOW server_version").fetchone()
        return row[0] if row else ""

    @property
    def pid(self) -> int:
        """Return the process id of the server, the parent of all its processes."""
        return int(self._process_file.read_text().split()[0])

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Let its kernel take connections while the server answers nothing."""
        server = self.pid
        os.kill(server, signal.SIGSTOP)  # first, so that it makes no further children
        stopped = [server, *_children(server)]
        for process in stopped[1:]:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGSTOP)
        try:
            yield
        finally:
            for process in stopped:
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGCONT)

    def close(self) -> None:
        """End it and remove its folder."""
        self.stop()
        shutil.rmtree(self._folder)

    @property
    def _process_file(self) -> Path:
        return self._folder / "data" / "postmaster.pid"

    def _run(self, program: str, *arguments: object) -> None:
        """Run one of the server's programs; PostgreSQL refuses to run as root."""
        lower = ["runuser", "-u", POSTGRES_USER, "--"] if os.geteuid() == 0 else []
        command = [*lower, self._programs / program, "-D", self._folder / "data", *arguments]
        subprocess.run([*map(str, command)], check=True, stdout=subprocess.DEVNULL, cwd="/")


def _children(parent: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            # The name, in parentheses, may hold spaces.
            if int(stat.read_text().rsplit(")", 1)[1].split()[1]) == parent:
                found.append(int(stat.parent.name))
    return found


def postgres_programs() -> Path | None:
    """Return the folder of the newest installed server's programs, None where there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


@contextmanager
def postgres_server(programs: Path, *addresses: str, durable: bool = False) -> Iterator[PostgresServer]:
    """Yield a running server, listening on these addresses too; it is stopped and removed at the end."""
    server = PostgresServer(programs, *addresses, durable=durable)
    try:
        server.start()
        yield server
    finally:
        server.close()
