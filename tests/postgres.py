"""A PostgreSQL server of the tests' own: on loopback, on a free port, in a folder that goes away with it."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

POSTGRES_USER = "postgres"


def postgres_programs() -> Path | None:
    """Return the folder of the newest installed server's programs, None where there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


@contextmanager
def postgres_server(programs: Path, *addresses: str) -> Iterator[str]:
    """Yield the SQLAlchemy URL of a running server; it is stopped and removed at the end.

    It listens on loopback, and on these addresses too, where it trusts everybody in their /24 networks.
    """
    folder = Path(tempfile.mkdtemp(prefix="meeshy-pg-"))
    if os.geteuid() == 0:
        shutil.chown(folder, POSTGRES_USER)
    port = free_port()
    listen = ",".join(("127.0.0.1", *addresses))
    options = f"-p {port} -c listen_addresses={listen} -c unix_socket_directories={folder} -c fsync=off"
    try:
        _as_server(programs / "initdb", "-D", folder / "data", "-A", "trust", "-U", POSTGRES_USER)
        with (folder / "data" / "pg_hba.conf").open("a") as trusted:
            trusted.writelines(f"host all all {address}/24 trust\n" for address in addresses)
        _as_server(programs / "pg_ctl", "-D", folder / "data", "-w", "-l", folder / "log", "-o", options, "start")
        yield f"postgresql://{POSTGRES_USER}@127.0.0.1:{port}/postgres"
    finally:
        if (folder / "data" / "postmaster.pid").exists():
            _as_server(programs / "pg_ctl", "-D", folder / "data", "-m", "immediate", "stop")
        shutil.rmtree(folder)


def _as_server(program: Path, *arguments: object) -> None:
    """Run a server program; PostgreSQL refuses to run as root."""
    lower = ["runuser", "-u", POSTGRES_USER, "--"] if os.geteuid() == 0 else []
    subprocess.run([*lower, str(program), *map(str, arguments)], check=True, stdout=subprocess.DEVNULL, cwd="/")


def free_port() -> int:
    """Return a port on loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
