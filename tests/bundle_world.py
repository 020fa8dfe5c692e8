"""A small world to build real bundles from: a git checkout, two wheels, a Debian repository and a model, all local."""

import base64
import hashlib
import platform
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

from appliance.commands.bundle_models import CatalogModels
from appliance.settings import Settings
from appliance.testing.small_catalog import small_catalog, write_files
from installer.build.assemble import build
from installer.build.cache import Cache
from installer.build.components import Choices, read_components
from installer.build.fetch import fetch
from installer.build.product import Product, read_product
from installer.build.resolution import Builder

ROOT = Path(__file__).resolve().parents[1]
COMPONENTS = """
[host]
os = "debian-12"
architecture = "{machine}"
python = "{python}"
interpreter = "{interpreter}"
[product]
paths = ["appliance", "installer", "pyproject.toml", "LICENSE", "meeshy"]
licence = "GPL-3.0-or-later"
[upgrade]
oldest = "0.1.0"
required_stops = []
[models]
preset = "starter"
[object_store]
kind = "silo"
[object_store.silo]
version = "2026.9"
licence = "AGPL-3.0-only"
file = "supplied/silo"
sha256 = "{silo}"
[[collection]]
name = "test.small"
version = "1.2.3"
licence = "GPL-3.0-or-later"
file = "supplied/test-small-1.2.3.tar.gz"
sha256 = "{collection}"
[[environment]]
name = "appliance"
locks = ["base"]
cuda = "cpu"
cuda_locks = {{ cpu = [] }}
imports = ["alpha"]
[debian.roles]
{roles}
[licences]
source_offer = "Sources are on offer."
"""
MIGRATIONS = "appliance/storage/migrations/versions"
GIT = ["git", "-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "init.defaultBranch=main"]


@dataclass(frozen=True)
class World:
    """Where everything lies; `builder` makes one with a cache of its own."""

    folder: Path
    interpreter: str
    python: str

    def write_components(self, roles: str) -> Path:
        path = self.folder / "components.toml"
        filled = {"machine": platform.machine(), "python": self.python, "interpreter": self.interpreter}
        for name, file in (("silo", "silo"), ("collection", "test-small-1.2.3.tar.gz")):
            filled[name] = hashlib.sha256((self.folder / "supplied" / file).read_bytes()).hexdigest()
        path.write_text(COMPONENTS.format(**filled, roles=roles))
        return path

    def builder(self, cache: str = "cache") -> Builder:
        components = read_components(self.folder / "components.toml", Choices())
        settings = Settings(models_dir=self.folder / "models", model_folder=str(self.folder / "weights"))
        models = CatalogModels(settings, small_catalog())
        return Builder(components, Cache(self.folder / cache), models, self.folder / "apt.list")

    def product(self) -> Product:
        return read_product(self.folder / "checkout", "HEAD", self.builder().components.product_paths)

    def built(self, name: str, cache: str = "cache") -> Path:
        """Return a freshly built bundle that is not signed."""
        builder = self.builder(cache)
        fetch(builder, lambda _: None)
        build(builder, self.product(), self.folder / name, lambda _: None)
        return self.folder / name


def make_world(folder: Path, *, debs: bool, interpreter: str = "") -> World:
    """Write everything; without `debs` no Debian package is asked for."""
    interpreter = interpreter or str(Path(sys.base_prefix) / "bin" / "python3")
    code = "import platform; print(platform.python_version())"
    version = subprocess.run([interpreter, "-c", code], check=True, capture_output=True, text=True).stdout.strip()
    world = World(folder, interpreter, version)
    _checkout(folder / "checkout")
    write_files(folder / "weights" / "small")
    (folder / "supplied").mkdir()
    (folder / "supplied" / "silo").write_bytes(b"\x7fELF a server")
    (folder / "supplied" / "test-small-1.2.3.tar.gz").write_bytes(b"a collection")
    wheels = folder / "index"
    wheels.mkdir()
    alpha = wheel(wheels, "alpha", "1.0", "Requires-Dist: beta; python_version >= '3'", "import beta\n")
    beta = wheel(wheels, "beta", "2.1", "License-Expression: MIT", "")
    write_lock(folder, alpha, beta)
    if debs:
        repository = folder / "debian"
        repository.mkdir()
        deb(repository, "small-one", "Depends: small-two (>= 1)")
        deb(repository, "small-two", "Description: a dependency")
        _index(repository)
        (folder / "apt.list").write_text(f"deb [trusted=yes] file:{repository} ./\n")
    else:
        (folder / "apt.list").write_text("")
    world.write_components('base = ["small-one"]' if debs else "")
    return world


def _checkout(folder: Path) -> None:
    (folder / MIGRATIONS).mkdir(parents=True)
    (folder / MIGRATIONS / "0001_first.py").write_text("revision = '0001'\ndown_revision = None\n")
    (folder / MIGRATIONS / "0002_next.py").write_text('revision = "0002"\ndown_revision = "0001"\n')
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "installer", folder / "installer", ignore=ignored)
    (folder / "pyproject.toml").write_text('[project]\nname = "meeshy-appliance"\nversion = "0.2.0"\n')
    (folder / "LICENSE").write_text("Terms\n")
    (folder / "meeshy").write_text("#!/bin/sh\n")
    (folder / "meeshy").chmod(0o755)
    (folder / "secret.txt").write_text("not asked for\n")
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "One", "--date", "2026-01-02T03:04:05Z"]):
        subprocess.run([*GIT, *command], cwd=folder, check=True, capture_output=True)
    (folder / "meeshy").write_text("#!/bin/sh\necho changed, not committed\n")


def wheel(folder: Path, name: str, version: str, metadata: str, code: str) -> Path:
    """Write a wheel of one module."""
    path, about = folder / f"{name}-{version}-py3-none-any.whl", f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": code,
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{metadata}\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{about}/licenses/LICENSE": f"Terms of {name}\n",
    }
    record = "".join(f"{place},sha256={_urlsafe(text)},{len(text)}\n" for place, text in files.items())
    with zipfile.ZipFile(path, "w") as archive:
        for place, text in {**files, f"{about}/RECORD": f"{record}{about}/RECORD,,\n"}.items():
            archive.writestr(zipfile.ZipInfo(place), text)
    return path


def _urlsafe(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def write_lock(folder: Path, *wheels: Path) -> None:
    """Write the lock `base` that pins these wheels."""
    lines = []
    for path in wheels:
        name, version = path.name.split("-")[:2]
        lines.append(f"{name}=={version} \\\n    --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n")
    (folder / "locks").mkdir(exist_ok=True)
    (folder / "locks" / "base.txt").write_text("".join(lines))


def deb(folder: Path, name: str, field: str) -> None:
    """Build a Debian package with the machine's own tool."""
    tree = folder / name
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "usr/share/doc" / name).mkdir(parents=True)
    (tree / "usr/share/doc" / name / "copyright").write_text("Files: *\nLicense: GPL-2+\n")
    lines = [f"Package: {name}", "Version: 1:1.0-1", "Architecture: all", "Maintainer: Test <test@example.org>", field]
    lines += [] if field.startswith("Description") else ["Description: for tests"]
    (tree / "DEBIAN" / "control").write_text("\n".join(lines) + "\n")
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "--build", name, "."], cwd=folder, check=True, capture_output=True
    )
    shutil.rmtree(tree)


def _index(folder: Path) -> None:
    entries = []
    for path in sorted(folder.glob("*.deb")):
        control = subprocess.run(["dpkg-deb", "--field", path], check=True, capture_output=True, text=True).stdout
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        entries.append(f"{control}Filename: ./{path.name}\nSize: {path.stat().st_size}\nSHA256: {sha256}\n")
    (folder / "Packages").write_text("\n".join(entries))
