"""A bundle of the real product: its own commit, the base lock, Debian packages and a language pack."""

import subprocess
import sys
import time

import pytest

from appliance.catalog.catalog import CHECKOUT, Catalog
from appliance.commands.bundle_models import CatalogModels
from appliance.settings import Settings
from appliance.testing.small_bundle import SmallKey
from installer.build.assemble import build
from installer.build.cache import Cache
from installer.build.carrier import carrier
from installer.build.components import Choices, read_components
from installer.build.fetch import fetch
from installer.build.product import read_product
from installer.build.prove import without_network
from installer.build.resolution import Builder
from installer.build.sign import sign
from installer.bundle.host import this_host
from installer.bundle.parts import split
from tests.services import tool

KEY = SmallKey()
DEBIAN = ["tini", "libjemalloc2"]

pytestmark = [
    pytest.mark.full,
    pytest.mark.network,
    pytest.mark.timeout(900),
]


@pytest.fixture(autouse=True)
def the_tools_are_there():
    tool("/usr/bin/python3.11", "Debian 12: python3.11")
    tool("/usr/bin/dpkg-deb", "Debian")


@pytest.fixture
def builder(tmp_path):
    host = this_host()
    own = (CHECKOUT / "installer/components.toml").read_text()
    head, _, tail = own.partition("[debian.roles]")
    roles, _, licences = tail.partition("[licences]")
    assert "postgresql" in roles
    text = f"{head}[debian.roles]\nsmall = {DEBIAN}\n[licences]{licences}".replace(
        'python = "3.11.2"', f'python = "{host.python}"'
    )
    (tmp_path / "components.toml").write_text(text)
    (tmp_path / "locks").symlink_to(CHECKOUT / "installer" / "locks")
    pack = [model for model in Catalog.load() if model.id == "starter-en-es"]
    settings = Settings(models_dir=tmp_path / "models")
    components = read_components(tmp_path / "components.toml", Choices(object_store="external"))
    return Builder(components, Cache(tmp_path / "cache"), CatalogModels(settings, Catalog(pack)))


def test_the_product_installs_from_its_bundle_and_answers_without_a_network(builder, tmp_path, capsys):
    started_s = time.monotonic()
    phases = {}

    def phase(name):
        phases[name] = time.monotonic() - started_s

    fetch(builder, lambda _: None)
    phase("fetched")
    product = read_product(CHECKOUT, "HEAD", builder.components.product_paths)
    bundle = tmp_path / "product.bundle"
    about = build(builder, product, bundle, lambda _: None)
    phase("proven and built")
    sign(bundle, KEY)
    parts = split(bundle, tmp_path / "sticks", 64 << 20)
    bundle.unlink()
    program = tmp_path / "meeshy-installer.pyz"
    program.write_bytes(carrier(product))
    (tmp_path / "keys").write_text(KEY.trusted.line())
    target = ["/usr/bin/python3.11", "-I", "-S", program]
    offline = without_network()

    def site(*words):
        return subprocess.run([*offline, *target, *words], check=True, capture_output=True, text=True).stdout

    site("join", *parts, "--to", bundle)
    told = site(
        "unpack", "--keys", tmp_path / "keys", "--installed", tmp_path / "none", bundle, "--to", tmp_path / "site"
    )
    phase("joined, verified, unpacked")
    assert f"{about.checksums.files} files verified" in told
    house = tmp_path / "site"
    subprocess.run(["/usr/bin/python3.11", "-m", "venv", tmp_path / "venv"], check=True)
    python = tmp_path / "venv/bin/python"
    subprocess.run(
        [*offline, python, "-m", "pip", "--isolated", "install", "--quiet", "--no-index", "--no-deps",
         "--no-compile", "--require-hashes", "--find-links", house / "wheels", "-r", house / "wheels/locks/base.txt"],
        check=True, env={"PIP_CONFIG_FILE": "/dev/null", "PATH": "/usr/bin:/bin:/usr/sbin:/sbin"},
    )  # fmt: skip
    phase("installed")
    command = [*offline, python, "-m", "appliance.cli"]
    asked = {"cwd": house / "product", "check": True, "capture_output": True, "text": True}
    version = subprocess.run([*command, "--version"], **asked).stdout
    there = {"MEESHY_MODELS_DIR": str(house / "models")}
    models = subprocess.run([*command, "models", "verify", "starter-en-es"], env=there, **asked).stdout

    assert about.version in version
    assert "starter-en-es" in models
    size = sum(part.stat().st_size for part in parts) / 1e6
    lines = [f"{about.checksums.files} files, {size:.0f} MB, {len(about.components)} components"]
    lines += [f"  after {at_s:6.1f} s: {name}" for name, at_s in phases.items()]
    with capsys.disabled():
        sys.stdout.write("\n" + "\n".join(lines) + "\n")
