"""Asks a machine for everything that a support bundle has; what does not answer is noted, and holds up nothing else."""

import json
import os
import platform
import ssl
import subprocess
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from installer.target.machine import read_machine
from installer.target.nvml import read_driver
from installer.target.preflight import Wanted, judge
from installer.target.support.archive import Archive
from installer.target.support.forms import cut_form
from installer.target.support.journal import BESIDE, OURS, told_lines
from installer.target.support.redact import Redactor
from installer.target.support.secrets import find_secrets
from installer.target.support.sentences import Sentences, sentences_of
from installer.target.support.settings import shown_settings
from installer.target.support.status import without_names

ASK_S = 30.0
DRIVER_S = 10.0
_PRODUCT = "opt/meeshy/current/product"
_UNIT_FACTS = (
    "ActiveState,SubState,Result,NRestarts,ExecMainCode,ExecMainStatus,ActiveEnterTimestamp,MemoryCurrent,MemoryPeak,"
    "TasksCurrent,NeedDaemonReload,UnitFileState"
)
COMMANDS = {
    "machine/kernel.txt": ["uname", "-a"],
    "machine/uptime.txt": ["uptime"],
    "machine/memory.txt": ["free", "-b"],
    "machine/disks.txt": ["df", "--block-size=1", "--local"],
    "machine/inodes.txt": ["df", "--inodes", "--local"],
    "machine/packages.txt": ["dpkg-query", "--show", "postgresql*", "redis*", "nginx*", "nftables", "python3*"],
    "network/addresses.txt": ["ip", "-brief", "address"],
    "network/listeners.txt": ["ss", "--tcp", "--listening", "--numeric", "--processes", "--no-header"],
    "network/firewall.txt": ["nft", "list", "table", "inet", "meeshy"],
    "time/clock.txt": ["timedatectl", "show"],
    "time/servers.txt": ["chronyc", "-n", "tracking"],
    "product/doctor.json": ["/usr/local/sbin/meeshy", "doctor", "--json"],
}  # fmt: skip
"""What is asked, by the name it gets."""
STATUS = ["/usr/local/sbin/meeshy", "status", "--json"]
FAILED = ["systemctl", "--failed", "--plain", "--no-legend", "--no-pager"]
FILES = {
    "machine/release.txt": "etc/os-release",
    "machine/load.txt": "proc/loadavg",
    "machine/processor.txt": "proc/cpuinfo",
    "product/installed.json": "var/lib/meeshy/install-state.json",
    "product/pool.toml": "etc/meeshy/pool.toml",
}
CERTIFICATES = ("etc/meeshy/tls/node.pem", "usr/local/share/ca-certificates/meeshy-site.crt")
LOGS = {
    "postgresql": "var/log/postgresql/*.log",
    "nginx": "var/log/nginx/meeshy-error.log",
    "redis": "var/log/redis/*.log",
}


def gather(path: Path, lines: int, installed_note: Path, root: Path = Path("/")) -> dict[str, Any]:
    """Write the support bundle of the machine below `root` to a path, and return its manifest.

    At most `lines` lines of each log. Raises OSError where the bundle cannot be written, for nothing else.
    """
    archive = Archive(Redactor(find_secrets(root)))
    sentences = Sentences(sentences_of(root / _PRODUCT))
    for name, command in COMMANDS.items():
        _ask(archive, name, command)
    _ask(archive, "product/status.json", STATUS, without_names)
    # Names alone: a passing unit is described by its whole command line.
    _ask(
        archive, "machine/failed.txt", FAILED, lambda raw: "".join(f"{line.split()[0]}\n" for line in raw.splitlines())
    )
    for name, file in FILES.items():
        _try(archive, name, lambda file=file: (root / file).read_text(errors="replace"))
    for unit in (*OURS, *BESIDE):
        _ask(archive, f"units/{unit}.txt", ["systemctl", "show", unit, f"--property={_UNIT_FACTS}"])
        command = ["journalctl", f"--unit={unit}", f"--lines={lines}", "--output=json", "--no-pager", "--quiet"]
        _ask(archive, f"journal/{unit}.txt", command, lambda raw: told_lines(raw, sentences.cut))
    for program, pattern in LOGS.items():
        _try(archive, f"logs/{program}.txt", lambda at=pattern, of=program: _log(root, at, of, lines))
    _try(archive, "logs/install.txt", lambda: _last(root / "var/log/meeshy/install.log", lines))
    _try(archive, "product/settings.txt", lambda: shown_settings((root / "etc/meeshy/meeshy.env").read_text()))
    _try(archive, "product/releases.txt", lambda: _releases(root))
    _try(archive, "product/packages.txt", lambda: _packages(root))
    _try(archive, "product/certificates.txt", lambda: _certificates(root))
    _try(archive, "machine/preflight.json", lambda: _preflight(installed_note))
    _try(archive, "machine/gpus.json", lambda: json.dumps(asdict(read_driver(DRIVER_S)), indent=1))
    return archive.write(path, {"host": platform.node(), "made_s": round(time.time())})


def _ask(archive: Archive, name: str, command: list[str], cut: Callable[[str], str] = str) -> None:
    def answer() -> str:
        told = subprocess.run(
            command, check=False, capture_output=True, text=True, errors="replace", timeout=ASK_S,
            stdin=subprocess.DEVNULL, env={**os.environ, "LC_ALL": "C.UTF-8"},
        )  # fmt: skip
        if told.returncode != 0 and not told.stdout:
            raise OSError(f"it ended with {told.returncode}")
        return cut(told.stdout)

    _try(archive, name, answer)


def _try(archive: Archive, name: str, answer: Callable[[], str]) -> None:
    try:
        archive.add(name, answer())
    except subprocess.TimeoutExpired:
        archive.miss(name, f"it did not answer within {ASK_S:g} s")
    except OSError as failure:
        archive.miss(name, failure.strerror or str(failure))
    except Exception as failure:  # noqa: BLE001 - whatever is broken on this machine, the rest is wanted all the more
        archive.miss(name, type(failure).__name__)


def _last(file: Path, lines: int) -> str:
    # A line ends where a program ended it: what somebody said may hold any other sign that passes for an end.
    with file.open(errors="replace", newline="\n") as opened:
        return "".join(deque(opened, lines))


def _log(root: Path, pattern: str, program: str, lines: int) -> str:
    files = sorted(root.glob(pattern), key=lambda file: file.stat().st_mtime)
    if not files:
        raise OSError("there is none")
    told = _last(files[-1], lines).removesuffix("\n").split("\n")
    return "\n".join(cut_form(program, line) for line in told) + "\n"


def _releases(root: Path) -> str:
    current = root / "opt/meeshy/current"
    lines = [f"current {current.readlink() if current.is_symlink() else 'none'}"]
    for folder in ("releases", "incoming", "control"):
        lines += sorted(f"{folder} {each.name}" for each in (root / "opt/meeshy" / folder).glob("*"))
    return "\n".join(lines) + "\n"


def _packages(root: Path) -> str:
    found = sorted((root / "opt/meeshy/current/venv").glob("lib/python*/site-packages/*.dist-info"))
    return "".join(f"{each.name.removesuffix('.dist-info')}\n" for each in found)


def _certificates(root: Path) -> str:
    lines = []
    for name in CERTIFICATES:
        try:
            # Not public, and the only thing in the standard library that reads one which was not received by TLS.
            read = ssl._ssl._test_decode_cert(str(root / name))
            lines.append(f"/{name}: from {read['notBefore']} until {read['notAfter']}")
        except (OSError, AttributeError, KeyError) as failure:
            lines.append(f"/{name}: cannot be read ({type(failure).__name__})")
    return "\n".join(lines) + "\n"


def _preflight(installed_note: Path) -> str:
    found = judge(read_machine(installed_note), Wanted())
    return json.dumps({"lines": [each.line() for each in found]}, indent=1)
