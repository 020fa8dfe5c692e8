"""The medium that the tests install from: a signed bundle of this checkout, what judges it, and a damaged copy."""

import shutil
import subprocess
from dataclasses import dataclass
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
from installer.build.product import read_product
from installer.build.resolution import Builder
from installer.build.sign import sign

KEY = SmallKey()


@dataclass(frozen=True, slots=True)
class Medium:
    """A folder as it would lie on a stick; machines see it at `inside`."""

    folder: Path
    name: str
    version: str
    inside: str = "/media/stick"

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


def make_medium(folder: Path) -> Medium:
    """Fetch what is missing, build a bundle of the checkout as it is now (of the files that git knows), and sign it."""
    settings = Settings()
    components = read_components(COMPONENTS)
    builder = Builder(components, Cache(default_cache(settings)), CatalogModels(settings))
    fetch(builder, lambda _: None)
    product = read_product(CHECKOUT, commit_of_the_checkout(), components.product_paths)
    name = bundle_name(product, builder)
    build(builder, product, folder / name, lambda _: None)
    sign(folder / name, KEY)
    (folder / f"meeshy-installer-{product.version}.pyz").write_bytes(carrier(product))
    (folder / "install.sh").write_bytes(product.files["installer/install.sh"])
    (folder / "bundle-keys").write_text(KEY.trusted.line())
    return Medium(folder, name, product.version)


def commit_of_the_checkout() -> str:
    """Return a commit of what is in the checkout now, which `git stash create` makes without touching anything."""
    command = ["git", "-C", CHECKOUT, "-c", "user.name=Test", "-c", "user.email=test@example.org", "stash", "create"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip() or "HEAD"
