"""`meeshy test`: sets up what the tests need, then runs checks and tests; CI runs exactly this."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import click

from appliance.commands.models_needed import ensure_models
from appliance.commands.xtts import install_xtts
from appliance.errors import CommandFailed
from appliance.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
DEBIAN_PACKAGES = {
    "postgresql": "/usr/lib/postgresql/*/bin/postgres",
    "redis-server": "/usr/bin/redis-server",
    "nginx-light": "/usr/sbin/nginx",
    "iproute2": "/usr/sbin/ip",
    "gcc": "/usr/bin/gcc",
    "libc6-dev": "/usr/include/stdio.h",
    "prometheus": "/usr/bin/promtool",
    "tmux": "/usr/bin/tmux",
    "mmdebstrap": "/usr/bin/mmdebstrap",
    "systemd-container": "/usr/bin/systemd-nspawn",
    "age": "/usr/bin/age",
    "openssh-client": "/usr/bin/ssh",
}
"""Debian packages that the tests start servers, hosts and machines with, compile a stand-in for a GPU's driver with and
try alert rules with; each with a file that shows it is there."""

UNIT = ["-q", "-n", "auto", "--dist", "loadfile", "-p", "no:faker", "-p", "no:schemathesis"]
"""A file stays in one process, which keeps what it has generated; two plugins that no unit test uses would load for a
second in each process."""

SIDE_BY_SIDE = [
    f"tests/{name}" for name in ("cache", "hostile", "integration", "jobs", "storage", "telemetry", "tui", "xtts")
]
"""Tests that wait more than they reckon: a file per core at a time. All others start many processes, load large models
or boot machines, and run one after the other."""

SLOWEST = ["--durations=25", "--durations-min=5"]

CODE = ["ansible", "appliance", "installer", "models", "tui", "tests", "meeshy"]


@click.command("test", context_settings={"ignore_unknown_options": True})
@click.option("--full", is_flag=True, help="Also run the long suites and print their figures.")
@click.option("--unit", is_flag=True, help="Only the checks and the unit tests.")
@click.argument("pytest_arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_obj
def test(settings: Settings, full: bool, unit: bool, pytest_arguments: tuple[str, ...]) -> None:
    """Run the tests; further arguments go to pytest."""
    if pytest_arguments[:1] == ("install",):
        _install_servers()
        ensure_models(settings)
        sys.exit(_run("pytest", "tests/install", *pytest_arguments[1:]))
    if pytest_arguments:
        sys.exit(_run("pytest", *pytest_arguments))
    began_s = time.monotonic()
    failed = [name for name, command in _checks().items() if _announced(name, command) != 0]
    if _announced("unit tests", ["pytest", *UNIT, "tests/unit"]) != 0:
        failed.append("unit tests")
    if not unit:
        _install_servers()
        ensure_models(settings)
        ensure_models(settings.model_copy(update={"model_preset": "test"}))
        install_xtts()
        which = SLOWEST + ([] if full else ["-m", "not full"])
        beside = ["-n", "auto", "--dist", "loadfile", *SIDE_BY_SIDE]
        alone = ["tests", *(f"--ignore={each}" for each in ("tests/unit", *SIDE_BY_SIDE))]
        for name, where in {"tests side by side": beside, "tests one by one": alone}.items():
            if _announced(name, ["pytest", *where, *which]) != 0:
                failed.append(name)
    click.echo(f"\nall of it took {(time.monotonic() - began_s) / 60:.1f} min", err=True)
    if failed:
        raise CommandFailed(f"Failed: {', '.join(failed)}.")


def _checks() -> dict[str, list[str]]:
    return {
        "style": ["ruff", "check", *CODE],
        "format": ["ruff", "format", "--check", *CODE],
    }


def _announced(name: str, command: list[str]) -> int:
    click.echo(f"\n== {name}: {' '.join(command)}", err=True)
    return _run(*command)


def _run(module: str, *arguments: str) -> int:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MEESHY_")}
    environment |= {key: value for key, value in os.environ.items() if key in ("MEESHY_MODELS_DIR",)}
    return subprocess.run([sys.executable, "-m", module, *arguments], cwd=ROOT, env=environment, check=False).returncode


def _install_servers() -> None:
    missing = [name for name, proof in DEBIAN_PACKAGES.items() if not list(Path("/").glob(proof.lstrip("/")))]
    if not missing:
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        click.echo(f"not installed, so their tests are skipped: {', '.join(missing)}", err=True)
        return
    quiet = {"env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, "stdout": sys.stderr}
    subprocess.run(["apt-get", "update", "-qq"], check=False, **quiet)
    subprocess.run(
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing], check=False, **quiet
    )  # fmt: skip
