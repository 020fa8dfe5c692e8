"""Proves that an environment can be made from the bundle's wheels alone: by making it, where there is no network."""

import hashlib
import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from installer.build.client import run_client
from installer.build.failure import ClientFailed, EnvironmentIncomplete, Unproven
from installer.build.item import Item
from installer.build.lock import canonical, read_lock, switched_off
from installer.build.resolution import Builder, Say
from installer.bundle.space import require_space

ROOM = 4
"""An environment takes about three times the bytes of its wheels, the copies that pip unpacks included."""


def without_network() -> list[str]:
    """Return the words before a command that take the network from it; Unproven where this machine cannot."""
    words = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--net"]
    try:
        run_client([*words, "true"])
    except ClientFailed as error:
        raise Unproven(str(error.args[0])) from None
    return words


def prove(builder: Builder, items: Sequence[Item], say: Say) -> None:
    """Install each environment's locks from the cached wheels with the target's interpreter, check it, import from it.

    An environment that was proven before with the same wheels is not made again. Raises EnvironmentIncomplete.
    """
    wheels = [item for item in items if item.kind == "wheel"]
    imports = {each.name: each.imports for each in builder.components.environments}
    for name, locks in builder.locks().items():
        files = [builder.components.lock_file(lock) for lock in locks]
        asked = [builder.components.host.python, *imports.get(name, ()), *sorted(_switched_off(builder, name))]
        proof = builder.cache.root / "proofs" / _digest(asked, files, wheels)
        if proof.exists():
            say(f"environment {name}: proven before with these wheels")
            continue
        require_space(builder.cache.root, ROOM * sum(item.size_bytes for item in wheels))
        count = _install(builder, name, files, wheels, imports.get(name, ()))
        proof.parent.mkdir(parents=True, exist_ok=True)
        proof.write_text(f"{name}: {count} packages\n")
        say(f"environment {name}: {count} packages installed without a network")


def _install(builder: Builder, name: str, locks: list[Path], wheels: Sequence[Item], imports: Sequence[str]) -> int:
    offline = without_network()
    with tempfile.TemporaryDirectory(prefix="proof-", dir=builder.cache.root) as folder:
        house = Path(folder, "wheels")
        house.mkdir()
        for item in wheels:
            (house / item.path.removeprefix("wheels/")).symlink_to(builder.cache.path(item.sha256).resolve())
        run_client([builder.components.interpreter, "-m", "venv", f"{folder}/venv"])
        python = f"{folder}/venv/bin/python"
        # Neither a variable nor a file of this machine may lend pip another source.
        pip = [*offline, python, "-m", "pip", "--isolated", "--disable-pip-version-check", "--quiet"]
        wanted = [word for lock in locks for word in ("--requirement", str(lock.absolute()))]
        source = ["--no-index", "--find-links", str(house), "--require-hashes", "--no-deps", "--only-binary", ":all:"]
        quiet = {"PIP_CONFIG_FILE": os.devnull, "PYTHONDONTWRITEBYTECODE": "1"}
        try:
            run_client([*pip, "install", "--no-compile", *source, *wanted], extra=quiet)
            if imports:
                run_client([*offline, python, "-I", "-c", f"import {', '.join(imports)}"], extra=quiet)
        except ClientFailed as error:
            raise EnvironmentIncomplete(f"{name}: {error.args[0]}") from None
        _check(name, python, _switched_off(builder, name))
    return len({pin.name for lock in locks for pin in read_lock(lock)})


def _switched_off(builder: Builder, environment: str) -> frozenset[str]:
    """Return what may be missing: the common overrides', and those of the environment's own locks."""
    names = ["overrides.txt", *(f"{lock}-overrides.txt" for lock in builder.locks()[environment])]
    return frozenset().union(*(switched_off(builder.components.folder / "locks" / name) for name in names))


def _check(name: str, python: str, off: frozenset[str]) -> None:
    """Ask pip whether anything is missing that the overrides do not switch off."""
    command = [python, "-m", "pip", "--isolated", "--disable-pip-version-check", "check"]
    environment = {**os.environ, "PIP_CONFIG_FILE": os.devnull, "LC_ALL": "C.UTF-8"}
    told = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    if told.returncode == 0:
        return
    lines = [line.strip() for line in (told.stdout or told.stderr).splitlines() if line.strip()]
    complaints = [line for line in lines if not _expected(line, off)]
    if complaints:
        raise EnvironmentIncomplete(f"{name}: {'; '.join(complaints[:5])}")


def _expected(line: str, off: frozenset[str]) -> bool:
    """Return whether pip only misses what is switched off: `NAME VERSION requires OTHER, which is not installed.`"""
    words = line.split()
    if "requires" not in words or not line.endswith("which is not installed."):
        return False
    return canonical(words[words.index("requires") + 1].rstrip(",")) in off


def _digest(asked: list[str], locks: list[Path], wheels: Sequence[Item]) -> str:
    digest = hashlib.sha256(f"{' '.join(asked)}\n".encode())
    for lock in locks:
        digest.update(lock.read_bytes())
    for item in sorted(wheels, key=lambda each: each.path):
        digest.update(f"{item.sha256} {item.path}\n".encode())
    return digest.hexdigest()
