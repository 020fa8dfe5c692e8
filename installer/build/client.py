"""Runs the machine's own programs: pip, apt, git, dpkg."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from installer.build.failure import ClientFailed


def run_client(command: Sequence[str], *, cwd: Path | None = None, extra: Mapping[str, str] | None = None) -> bytes:
    """Return what a program wrote to its standard output; ClientFailed with its complaint where it failed.

    It inherits the environment: proxies, indexes and certificates of this machine are configured there.
    """
    environment = {**os.environ, "LC_ALL": "C.UTF-8", **(extra or {})}
    try:
        done = subprocess.run(
            command, cwd=cwd, env=environment, check=False, capture_output=True, stdin=subprocess.DEVNULL
        )
    except OSError as error:
        raise ClientFailed(f"{command[0]} cannot be started: {error.strerror}.") from None
    if done.returncode != 0:
        complaint = _complaint(done.stderr or done.stdout)
        raise ClientFailed(f"{Path(command[0]).name} ended with {done.returncode}: {complaint}")
    return done.stdout


def _complaint(output: bytes) -> str:
    """Return the last three lines that say something, at most 600 characters."""
    lines = [line.strip() for line in output.decode(errors="replace").splitlines() if line.strip()]
    telling = [line for line in lines if "error" in line.lower() or line.startswith("E:")] or lines
    return "; ".join(telling[-3:])[-600:]
