"""Bundles are built by the real pip, apt, git and dpkg from a small local world, and installed without a network."""

import json
import os
import shutil
import subprocess
import tarfile
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import pytest

from appliance.testing.small_bundle import SmallKey
from appliance.testing.small_catalog import FILES as MODEL
from installer.build.assemble import build
from installer.build.debs import Apt, resolve_debs
from installer.build.failure import ChecksumWrong, EnvironmentIncomplete, NotFetched, Unproven, WrongInterpreter
from installer.build.fetch import fetch
from installer.build.prove import without_network
from installer.build.sign import sign
from installer.bundle.join import join
from installer.bundle.parts import SMALLEST_BYTES, split
from installer.bundle.refusal import NoSpace, TargetInTheWay
from installer.bundle.unpack import unpack
from installer.bundle.verify import verify_file
from tests.bundle_world import make_world, wheel, write_lock
from tests.processes.conftest import eventually
from tests.services import missing, tool

KEY = SmallKey()
OTHER_PYTHON = "/usr/bin/python3.11"


@cache
def namespace() -> str:
    try:
        without_network()
    except Unproven as failure:
        return str(failure)
    return ""


@pytest.fixture(autouse=True)
def the_tools_are_there():
    for name in ("dpkg-deb", "apt-get"):
        tool(name, "Debian")
    if why := namespace():
        missing(f"no namespace without a network: {why}")


def silent(_):
    pass


@pytest.fixture(autouse=True)
def only_the_local_index(monkeypatch):
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)


@pytest.fixture
def world(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    return make_world(tmp_path, debs=False)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Return a world with Debian packages and its signed bundle."""
    folder = tmp_path_factory.mktemp("world")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("PIP_")]:
            patch.delenv(name)
        patch.setenv("PIP_CONFIG_FILE", os.devnull)
        patch.setenv("PIP_NO_INDEX", "1")
        patch.setenv("PIP_FIND_LINKS", str(folder / "index"))
        world = make_world(folder, debs=True)
        path = world.built("whole.bundle")
    sign(path, KEY)
    return world, path


def test_those_that_fetch_into_one_cache_at_once_take_turns(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    world, told = make_world(tmp_path, debs=True), []
    with ThreadPoolExecutor(4) as threads:
        with world.builder().alone(silent):
            fetches = [threads.submit(fetch, world.builder(), told.append, refresh=True) for _ in range(4)]
            eventually(lambda: len(told) == 4, "all of them wait")
            assert {line.split(":")[0] for line in told} == {"waiting"}
        first, *others = [each.result() for each in fetches]
    assert all(other == first for other in others)
    assert {"small-one", "small-two"} < {item.name for item in first}


def test_a_bundle_goes_to_the_site_in_parts_and_installs_there_without_a_network(whole, tmp_path):
    world, path = whole
    parts = split(path, tmp_path / "sticks", SMALLEST_BYTES)
    assert len(parts) > 2
    join(parts, tmp_path / "joined.bundle", silent)
    lines = []
    unpack(tmp_path / "joined.bundle", tmp_path / "site", KEY.site(), lines.append)
    site = tmp_path / "site"

    assert lines[-2].endswith(f"signed by {KEY.trusted.id}")
    offline = without_network()
    subprocess.run([world.interpreter, "-m", "venv", tmp_path / "venv"], check=True)
    environment = {"PATH": os.environ["PATH"], "PIP_CONFIG_FILE": os.devnull}
    pip = [
        *offline,
        tmp_path / "venv/bin/python",
        "-m",
        "pip",
        "install",
        "--no-index",
        "--find-links",
        site / "wheels",
    ]
    subprocess.run([*pip, "--require-hashes", "-r", site / "wheels/locks/base.txt"], check=True, env=environment,
                   capture_output=True)  # fmt: skip
    subprocess.run([tmp_path / "venv/bin/python", "-c", "import alpha, beta"], check=True)
    for name, raw in MODEL.items():
        assert (site / "models/small" / name).read_bytes() == raw


def test_apt_installs_from_the_bundle_alone_and_wants_its_signature(whole, tmp_path):
    _, path = whole
    site = tmp_path / "site"
    unpack(path, site, KEY.site(), silent)
    (tmp_path / "apt.list").write_text(f"deb [signed-by={site}/debs/meeshy-archive-key.gpg] file:{site}/debs ./\n")

    told = apt(tmp_path, "update").stdout
    assert "small-one" in apt(tmp_path, "install", "--simulate", "small-one").stdout
    assert "Err" not in told
    (site / "debs/Release").write_text((site / "debs/Release").read_text() + "Suite: other\n")
    shutil.rmtree(tmp_path / "apt")
    refused = apt(tmp_path, "update", check=False)
    assert refused.returncode != 0
    assert "BADSIG" in refused.stderr + refused.stdout or "not signed" in refused.stderr


def apt(folder: Path, *arguments: str, check: bool = True):
    for name in ("apt/state/lists/partial", "apt/cache/archives/partial", "apt/etc"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "apt/state/status").write_text("")
    options = {"Dir::State": folder / "apt/state", "Dir::State::status": folder / "apt/state/status",
               "Dir::Cache": folder / "apt/cache", "Dir::Etc": folder / "apt/etc",
               "Dir::Etc::sourcelist": folder / "apt.list", "Dir::Etc::sourceparts": "-", "APT::Sandbox::User": "root",
               "Debug::NoLocking": "true"}  # fmt: skip
    given = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    return subprocess.run(
        [*without_network(), "apt-get", *given, *arguments], check=check, capture_output=True, text=True
    )


def test_the_bundle_holds_what_was_asked_for_and_says_so(whole, tmp_path):
    world, path = whole
    about = verify_file(path, KEY.site(), silent).about
    with tarfile.open(path) as tar:
        names = tar.getnames()
        committed = tar.extractfile("product/meeshy").read()
        bill = json.loads(tar.extractfile("sbom.cdx.json").read())
        offer = tar.extractfile("licences/SOURCE-OFFER.txt").read().decode()
        checksums = tar.extractfile("checksums.sha256").read()

    assert names[:4] == ["bundle.json", "bundle.sig", "checksums.sha256", "sbom.cdx.json"]
    assert committed == b"#!/bin/sh\n", "what is not committed does not get in"
    assert "product/secret.txt" not in names
    assert {"wheels/alpha-1.0-py3-none-any.whl", "wheels/locks/base.txt", "debs/Packages", "debs/Release",
            "models/small/model.bin", "licences/python/beta-2.1/licenses_LICENSE",
            "licences/debian/small-two/copyright", "licences/product/LICENSE", "bin/silo",
            "collections/test-small-1.2.3.tar.gz"} <= set(names)  # fmt: skip
    assert [(each.kind, each.name, each.version) for each in about.components if each.kind != "model"] == [
        ("binary", "silo", "2026.9"), ("collection", "test.small", "1.2.3"),
        ("deb", "small-one", "1:1.0-1"), ("deb", "small-two", "1:1.0-1"), ("product", "meeshy-appliance", "0.2.0"),
        ("wheel", "alpha", "1.0"), ("wheel", "beta", "2.1"),
    ]  # fmt: skip
    assert {each["name"] for each in bill["components"]} == {each.name for each in about.components}
    assert "deb small-two 1:1.0-1: GPL-2+" in offer
    assert about.migrations == ("0001", "0002")
    assert about.host.python == world.python
    assert about.executables == (
        "bin/silo", "product/installer/install.sh", "product/installer/locks/compile", "product/meeshy",
    )  # fmt: skip
    assert about.environments[0].locks == ("wheels/locks/base.txt",)
    # The list is one that the ordinary tool reads.
    unpack(path, tmp_path / "out", KEY.site(), silent)
    (tmp_path / "list").write_bytes(checksums)
    subprocess.run(["sha256sum", "--quiet", "--check", tmp_path / "list"], cwd=tmp_path / "out", check=True)


def test_two_builds_from_the_same_inputs_are_the_same_bytes(whole, tmp_path, monkeypatch):
    world, path = whole
    monkeypatch.setenv("PIP_FIND_LINKS", str(world.folder / "index"))
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    monkeypatch.chdir(tmp_path)
    before = os.umask(0o077)
    try:
        again = world.built("again.bundle", cache="another cache")
    finally:
        os.umask(before)
    sign(again, KEY)

    assert again.read_bytes() == path.read_bytes()


def test_the_time_is_the_commit_s_or_the_one_that_was_set(whole, tmp_path, monkeypatch):
    world, path = whole
    builder, product = world.builder(), world.product()
    assert verify_file(path, KEY.site(), silent).about.built_s == product.committed_s
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    assert build(builder, product, tmp_path / "b", silent).built_s == 1_700_000_000


def test_a_lock_that_lacks_what_a_package_wants_is_found_out(world):
    write_lock(world.folder, world.folder / "index/alpha-1.0-py3-none-any.whl")

    with pytest.raises(EnvironmentIncomplete, match="beta"):
        world.built("x.bundle")
    assert not (world.folder / "x.bundle").exists()


def test_what_the_overrides_switch_off_may_be_missing(world):
    (world.folder / "index/alpha-1.0-py3-none-any.whl").unlink()
    wanted = "Requires-Dist: Beta_Two>=1\nRequires-Dist: gamma"
    write_lock(world.folder, wheel(world.folder / "index", "alpha", "1.0", wanted, ""))
    (world.folder / "locks/overrides.txt").write_text('# never\nbeta-two; sys_platform == "never"\n')
    with pytest.raises(EnvironmentIncomplete, match="gamma"):
        world.built("x.bundle")
    (world.folder / "locks/base-overrides.txt").write_text('gamma; sys_platform == "never"\n')

    assert world.built("x.bundle").exists()


def test_packages_are_chosen_by_the_target_s_interpreter_not_by_this_one(tmp_path, monkeypatch):
    tool(OTHER_PYTHON, "Debian 12: python3.11")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    world = make_world(tmp_path, debs=False, interpreter=OTHER_PYTHON)
    only = wheel(tmp_path / "index", "gamma", "1", "License-Expression: MIT", "")
    lock = tmp_path / "locks/base.txt"
    write_lock(tmp_path, *sorted((tmp_path / "index").glob("*.whl")))
    text = lock.read_text().replace("gamma==1 ", f"gamma==1 ; python_full_version == '{world.python}' ")
    lock.write_text(text)

    assert only.name in [Path(item.path).name for item in fetch(world.builder(), silent)]
    lock.write_text(text.replace(f"== '{world.python}'", f"> '{world.python}'"))
    assert only.name not in [Path(item.path).name for item in fetch(world.builder(), silent)]


def test_another_version_of_python_is_refused(world):
    path = world.folder / "components.toml"
    path.write_text(path.read_text().replace(f'python = "{world.python}"', 'python = "3.11.99"'))

    with pytest.raises(WrongInterpreter, match=r"the target has 3\.11\.99"):
        fetch(world.builder(), silent)


def test_an_index_that_offers_another_file_under_the_same_name_is_refused(world):
    wheel(world.folder / "index", "beta", "2.1", "License-Expression: MIT", "import os  # somebody else's\n")

    with pytest.raises(ChecksumWrong, match="beta"):
        fetch(world.builder(), silent)


def test_space_is_asked_for_before_the_first_transfer(world):
    with pytest.raises(NoSpace):
        fetch(world.builder(), silent, free=lambda _: 1 << 20)

    assert not (world.folder / "cache/sha256").exists()


def test_nothing_is_built_of_what_was_not_fetched_or_was_damaged_since(world):
    builder, product = world.builder(), world.product()
    with pytest.raises(NotFetched, match="bundle fetch"):
        build(builder, product, world.folder / "x", silent)
    items = fetch(builder, silent)
    model = next(item for item in items if item.path.endswith("model.bin"))
    place = builder.cache.path(model.sha256)
    contents = place.read_bytes()
    place.unlink()
    with pytest.raises(NotFetched, match="small"):
        build(builder, product, world.folder / "x", silent)
    place.write_bytes(b"!" + contents[1:])
    with pytest.raises(ChecksumWrong, match="discarded"):
        build(builder, product, world.folder / "x", silent)
    assert not (world.folder / "x").exists()

    fetch(builder, silent)
    build(builder, product, world.folder / "x", silent)
    with pytest.raises(TargetInTheWay):
        build(builder, product, world.folder / "x", silent)


def test_what_was_resolved_stays_so_until_it_is_refreshed(world):
    builder, said = world.builder(), []
    first = fetch(builder, silent)
    shutil.rmtree(world.folder / "index")

    assert fetch(builder, said.append) == first
    assert said[0].endswith("as before")


def test_packages_that_apt_has_brought_already_are_found_again(whole, tmp_path):
    world, _ = whole
    apt = Apt.prepare(tmp_path / "apt", "x86_64", world.folder / "apt.list")
    first = resolve_debs(["small-one"], apt)
    for item in first:
        shutil.copy(
            unquote(item.source.removeprefix("file:")), apt.root / "cache" / item.path.replace("debs", "archives")
        )

    assert [item.name for item in first] == ["small-one", "small-two"]
    assert resolve_debs(["small-one"], apt) == first
