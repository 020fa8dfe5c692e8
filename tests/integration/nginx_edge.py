"""The edge as an installation configures it: a real nginx with the role's own template, in a folder, on free ports."""

import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from appliance.testing.ports import free_port
from tests.ansible_code import load

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "ansible/roles/edge/templates/meeshy.conf.j2"
START_S = 20.0
LIMITS = {"largest_request": "1m", "cache_size": "10m", "requests_per_s": "1000", "burst": "1000", "connections": "100"}
EXEMPT = re.compile(r"    (127\.0\.0\.1|::1) \"\";\n")


@dataclass(frozen=True)
class Edge:
    """Where it answers, whom to trust, and the folder that it keeps audio in."""

    url: str
    authority: Path
    cache: Path
    log: Path

    def kept(self) -> list[Path]:
        """Return the files of its cache."""
        return [path for path in self.cache.rglob("*") if path.is_file()]


def nginx_program() -> str | None:
    """Return where nginx lies, None where it is not installed."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")


@contextmanager
def edge(
    program: str, folder: Path, application_port: int, *, exempt: bool = True, **limits: str
) -> Iterator[Edge]:  # fmt: skip
    """Run nginx in front of an API on this port; its limits count for loopback too where that is not exempt."""
    port = free_port()
    for name in ("cache", "log", "tls"):
        (folder / name).mkdir()
    _certificates(folder / "tls")
    values = {f"edge_{name}": value for name, value in {**LIMITS, **limits}.items()}
    values |= {"edge_port": str(port), "edge_application_port": str(application_port), "ansible_managed": "a test"}
    # A socket's path has 107 characters at most, and a test's folder may take more.
    with (
        tempfile.TemporaryDirectory(prefix="meeshy-edge-") as short,
        _running(program, folder, _configured(folder, Path(short), values, exempt)) as process,
    ):
        _wait(process, port)
        yield Edge(
            f"https://localhost:{port}", folder / "tls/ca.pem", folder / "cache", folder / "log/meeshy-error.log"
        )


def _configured(folder: Path, short: Path, values: dict[str, str], exempt: bool) -> Path:
    """Write nginx's configuration and return its file."""
    conf = folder / "nginx.conf"
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "\n".join(f"{kind}_temp_path {folder}/temporary-{kind};" for kind in kinds)
    conf.write_text(
        f"user root;\nerror_log {folder}/log/start.log;\npid {folder}/nginx.pid;\ndaemon off;\nevents {{}}\n"
        f"http {{\n{temporary}\n{_rendered(values, folder, short, exempt)}\n}}\n"
    )
    return conf


@contextmanager
def _running(program: str, folder: Path, conf: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen([program, "-p", folder, "-c", conf], stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.terminate()
            process.communicate()


def _rendered(values: dict[str, str], folder: Path, short: Path, exempt: bool) -> str:
    """Return the template with these values, on IPv4 alone and with all its files in the folder."""
    text = re.sub(r"{% if .+? %}.+?{% endif %}\n", "", TEMPLATE.read_text(), flags=re.DOTALL)
    text = re.sub(r"{{ (\w+) }}", lambda match: values[match[1]], text)
    text = text if exempt else EXEMPT.sub("", text)
    places = {
        "/var/cache/meeshy-edge": folder / "cache", "/run/meeshy-edge": short, "/var/log/nginx": folder / "log",
        "/etc/meeshy/tls/node": folder / "tls/edge",
    }  # fmt: skip
    for place, inside in places.items():
        text = text.replace(place, str(inside))
    return text


def _certificates(folder: Path) -> None:
    load("plugins/module_utils/site_authority.py").ensure_certificate(str(folder), "edge", ["localhost"], 30)


def _wait(process: subprocess.Popen[str], port: int) -> None:
    deadline_s = time.monotonic() + START_S
    while time.monotonic() < deadline_s:
        if process.poll() is not None:
            raise AssertionError(f"nginx has ended: {process.stderr.read() if process.stderr else ''}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("nginx does not listen")
