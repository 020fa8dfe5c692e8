"""Runs a download client as a child process and watches what it writes."""

import os
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from appliance.errors import PullFailed

POLL_S = 0.2
STOP_S = 5.0
PREFIX = re.compile(r"^(npm )?error:? (code )?", re.IGNORECASE)


def run_client(
    command: Sequence[str], watched: Path, on_bytes: Callable[[int], None], extra_env: Mapping[str, str] | None = None
) -> None:
    """Run a client until it ends, telling how many bytes lie in `watched`; raise PullFailed with its complaint.

    The child inherits this process's environment, because the machine's proxies, registries and certificates are
    configured there or in the home folder. Its temporary files go into `watched`: pip writes a wheel to TMPDIR first,
    so this is what makes the growing download visible, and it keeps the final move on one file system.
    """
    log = watched.parent / "client.log"
    environment = os.environ | {"TMPDIR": str(watched)} | dict(extra_env or {})
    with log.open("wb") as output:
        try:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=watched, env=environment
            )
        except OSError as error:
            raise PullFailed(f"{command[0]} cannot be started: {error.strerror}") from error
        try:
            code = _wait(process, watched, on_bytes)
        finally:
            _stop(process)
    if code != 0:
        raise PullFailed(_complaint(log) or f"{Path(command[0]).name} ended with exit code {code}")


def _wait(process: subprocess.Popen[bytes], watched: Path, on_bytes: Callable[[int], None]) -> int:
    while True:
        try:
            return process.wait(POLL_S)
        except subprocess.TimeoutExpired:
            on_bytes(bytes_under(watched))


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def bytes_under(folder: Path) -> int:
    """Return the size of all files in a folder and below; files that vanish meanwhile count nothing."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(place) / name).lstat().st_size
            except FileNotFoundError:
                continue
    return total


def _complaint(log: Path) -> str:
    """Return the client's last two lines that speak of an error, at most 300 characters."""
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines()]
    errors = [line for line in lines if "error" in line.lower() and "debug-" not in line]
    last = (errors or [line for line in lines if line])[-2:]
    return "; ".join(PREFIX.sub("", line) for line in last)[:300].rstrip(".")
