"""The media that the tests install from: signed bundles of this checkout, of a release, and of what went wrong."""

import shutil
import subprocess
import tomllib
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from appliance.catalog.catalog import CHECKOUT
from appliance.commands.bundle_making import COMPONENTS, default_cache
from appliance.commands.bundle_models import CatalogModels
from appliance.settings import Settings
from appliance.testing.small_bundle import SmallKey
from installer.build.assemble import build, bundle_name
from installer.build.cache import Cache
from installer.build.carrier import carrier
from installer.build.components import read_components
from installer.build.fetch import fetch
from installer.build.product import MIGRATIONS, Product, read_product
from installer.build.resolution import Builder
from installer.build.sign import sign

KEY = SmallKey()
RELEASES = CHECKOUT / "installer" / "releases.toml"
STICK = "/media/stick"
MIGRATION = """
import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = "{before}"
branch_labels = None
depends_on = None
readable_by = "{readable_by}"


def upgrade() -> None:
    op.add_column("site", sa.Column("drill_{revision}", sa.String(8)))
"""


@dataclass(frozen=True, slots=True)
class Medium:
    """A folder as it would lie on a stick; machines see it at `inside`."""

    folder: Path
    name: str
    version: str
    inside: str = STICK

    @property
    def bundle(self) -> str:
        """Return the bundle's path on a machine."""
        return f"{self.inside}/{self.name}"

    @property
    def script(self) -> str:
        """Return the path of install.sh on a machine."""
        return f"{self.inside}/install.sh"

    def flipped(self, at: float) -> str:
        """Return the path on a machine of a copy with one bit turned, at this share of its length."""
        copy = self.folder / f"flipped-{at:g}.bundle"
        shutil.copyfile(self.folder / self.name, copy)
        with copy.open("r+b") as file:
            place = int(copy.stat().st_size * at)
            file.seek(place)
            byte = file.read(1)[0]
            file.seek(place)
            file.write(bytes([byte ^ 1]))
        return f"{self.inside}/{copy.name}"


def make_medium(
    folder: Path, product: Product | None = None, inside: str = STICK, required_stops: tuple[str, ...] = ()
) -> Medium:
    """Fetch what is missing, build a bundle of a product, by default the checkout as it is now, and sign it.

    All bundles are made from the checkout's locks, so what was fetched and proven for one serves all.
    """
    folder.mkdir(parents=True, exist_ok=True)
    builder = _builder()
    builder = replace(builder, components=replace(builder.components, required_stops=required_stops))
    product = product or checkout()
    name = bundle_name(product, builder)
    build(builder, product, folder / name, lambda _: None)
    sign(folder / name, KEY)
    (folder / f"meeshy-installer-{product.version}.pyz").write_bytes(carrier(product))
    (folder / "install.sh").write_bytes(product.files["installer/install.sh"])
    (folder / "bundle-keys").write_text(KEY.trusted.line())
    return Medium(folder, name, product.version, inside)


@cache
def _builder() -> Builder:
    settings = Settings()
    builder = Builder(read_components(COMPONENTS), Cache(default_cache(settings)), CatalogModels(settings))
    fetch(builder, lambda _: None)
    return builder


@cache
def checkout() -> Product:
    """Return what is in the checkout now, of the files that git knows."""
    return read_product(CHECKOUT, commit_of_the_checkout(), read_components(COMPONENTS).product_paths)


@cache
def released() -> Product:
    """Return the newest release of installer/releases.toml."""
    newest = tomllib.loads(RELEASES.read_text())["release"][-1]
    return read_product(CHECKOUT, newest["commit"], read_components(COMPONENTS).product_paths)


def commit_of_the_checkout() -> str:
    """Return a commit of what is in the checkout now, which `git stash create` makes without touching anything."""
    command = ["git", "-C", CHECKOUT, "-c", "user.name=Test", "-c", "user.email=test@example.org", "stash", "create"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip() or "HEAD"


def as_version(product: Product, version: str) -> Product:
    """Return a product that says of itself that it is another version."""
    old, new = f'"{product.version}"'.encode(), f'"{version}"'.encode()
    return changed(
        replace(product, version=version), dict.fromkeys(("pyproject.toml", "appliance/__init__.py"), (old, new))
    )


def changed(product: Product, changes: dict[str, tuple[bytes, bytes]]) -> Product:
    """Return a product in whose files the first occurrence of one text is replaced by another, by path."""
    files = dict(product.files)
    for path, (old, new) in changes.items():
        assert old in files[path], f"{path} has no {old!r}"
        files[path] = files[path].replace(old, new, 1)
    return replace(product, files=files)


def with_newer_schema(product: Product, readable_by: str = "") -> Product:
    """Return a product with one migration more, which only adds: what every release may do to those before.

    `readable_by` says otherwise: the oldest revision whose code runs on it.
    """
    before = product.migrations[-1]
    revision = f"{int(before) + 1:04}"
    # As the product's own additive ones say it: the newest release runs on it.
    text = MIGRATION.format(revision=revision, before=before, readable_by=readable_by or released().migrations[-1])
    return replace(product, files={**product.files, f"{MIGRATIONS}{revision}_drill.py": text.encode()})
