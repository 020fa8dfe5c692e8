"""Which wheels the target's interpreter wants of a lock, and where they are."""

import contextlib
import json
import shutil
import sys
import tempfile
import urllib.parse
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from installer.build.cache import Cache, sha256_of
from installer.build.client import run_client
from installer.build.download import download
from installer.build.failure import ChecksumWrong, ClientFailed, FetchFailed, WrongInterpreter
from installer.build.item import Item
from installer.build.lock import Pin, canonical, read_lock


def target_interpreter(interpreter: str, version: str, cache: Cache) -> Path:
    """Return a Python of exactly the target's version, in an environment of its own; WrongInterpreter otherwise.

    The patch version matters: pip decides with the running interpreter which conditional packages are wanted, and
    redis, for one, wants another package on 3.11.2 than on 3.11.7.
    """
    code = "import platform; print(platform.python_version())"
    try:
        found = run_client([interpreter, "-I", "-c", code]).decode().strip()
    except ClientFailed as error:
        raise WrongInterpreter(str(error)) from None
    if found != version:
        raise WrongInterpreter(f"{interpreter} is Python {found}, the target has {version}.")
    folder = cache.root / "interpreters" / version
    if not (folder / "bin" / "python").exists():
        run_client([interpreter, "-m", "venv", "--clear", "--without-pip", str(folder)])
    return folder / "bin" / "python"


def resolve_wheels(locks: Iterable[Path], interpreter: Path, cache: Cache) -> list[Item]:
    """Return the wheels of some locks, as the target's own interpreter chooses them, each with a hash of its lock."""
    pins = {pin.name: pin for lock in locks for pin in read_lock(lock)}
    with tempfile.TemporaryDirectory(prefix="meeshy-resolve-") as folder:
        # Without the hashes, since pip would fetch every wheel whole to compare them; they are compared below.
        wanted, report = Path(folder, "wanted.txt"), Path(folder, "report.json")
        wanted.write_text("".join(f"{pin.requirement}\n" for pin in pins.values()))
        run_client([
            sys.executable, "-m", "pip", "--python", str(interpreter), "install", "--dry-run", "--ignore-installed",
            "--no-deps", "--only-binary", ":all:", "--quiet", "--cache-dir", str(_pip_cache(cache)),
            "--report", str(report), "--requirement", str(wanted),
        ])  # fmt: skip
        entries = json.loads(report.read_text())["install"]
    return sorted((_item(entry, pins, cache) for entry in entries), key=lambda item: item.path)


def _item(entry: dict[str, Any], pins: dict[str, Pin], cache: Cache) -> Item:
    metadata, place = entry["metadata"], entry["download_info"]
    name, url = canonical(metadata["name"]), place["url"]
    sha256 = place.get("archive_info", {}).get("hashes", {}).get("sha256") or _local_sha256(url)
    if sha256 not in pins[name].sha256s:
        raise ChecksumWrong(f"The index has {name} {metadata['version']} with sha256 {sha256}, not one of the lock's.")
    file = urllib.parse.unquote(PurePosixPath(urllib.parse.urlsplit(url).path).name)
    size = cache.path(sha256).stat().st_size if cache.holds(sha256) else -1
    return Item("wheel", name, metadata["version"], f"wheels/{file}", sha256, size, url)


def _local_sha256(url: str) -> str:
    address = urllib.parse.urlsplit(url)
    return sha256_of(Path(urllib.parse.unquote(address.path))) if address.scheme == "file" else ""


def fetch_wheels(items: Sequence[Item], interpreter: Path, cache: Cache, told: Callable[[Item], None]) -> None:
    """Bring wheels into the cache; `told` hears of each before its transfer.

    Directly, so that a cut transfer goes on within the file. Where the index has no metadata files beside its wheels,
    pip has fetched them whole to resolve, and they are taken from its cache; where it wants a login, pip fetches them.
    """
    kept = sum(path.stat().st_size for path in _pip_cache(cache).rglob("*") if path.is_file())
    if kept > sum(max(item.size_bytes, 0) for item in items) / 2:
        with contextlib.suppress(ClientFailed):
            _by_pip(items, interpreter, cache)
    for item in items:
        if cache.holds(item.sha256):
            continue
        told(item)
        try:
            download(item.source, item.sha256, cache)
        except FetchFailed as direct:
            try:
                _by_pip([item], interpreter, cache)
            except ClientFailed as client:
                raise FetchFailed(f"{direct.args[0]} And pip: {client.args[0]}") from None
    shutil.rmtree(_pip_cache(cache), ignore_errors=True)


def _by_pip(items: Sequence[Item], interpreter: Path, cache: Cache) -> None:
    with tempfile.TemporaryDirectory(prefix="pip-", dir=cache.root) as folder:
        wanted = Path(folder, "wanted.txt")
        wanted.write_text("".join(f"{item.name}=={item.version} --hash=sha256:{item.sha256}\n" for item in items))
        run_client([
            sys.executable, "-m", "pip", "--python", str(interpreter), "download", "--no-deps", "--require-hashes",
            "--only-binary", ":all:", "--quiet", "--cache-dir", str(_pip_cache(cache)), "--dest", folder,
            "--requirement", str(wanted),
        ])  # fmt: skip
        for item in items:
            cache.add(Path(folder, item.path.removeprefix("wheels/")), item.sha256)


def _pip_cache(cache: Cache) -> Path:
    """Return a cache of pip's own, which lives from resolving until all is fetched."""
    return cache.root / "pip"
