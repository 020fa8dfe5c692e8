"""What accompanies the files: the bill of materials, licences, the Debian repository's lists and its signature."""

import io
import json
import re
import subprocess
import sys
import uuid
import zipfile
from datetime import datetime
from pathlib import Path

import pytest

from appliance.testing.small_bundle import BUILT_S, FILES, SmallKey, small_bundle
from installer.build.archives import describe_wheel
from installer.build.carrier import carrier
from installer.build.licences import UNSTATED, licence_files
from installer.build.openpgp import certificate, detached_signature, fingerprint
from installer.build.product import Product
from installer.build.repository import release_file
from installer.build.sbom import bill_of_materials
from installer.bundle.metadata import Component
from installer.bundle.unpack import unpack
from tests.services import tool

KEY = SmallKey()
COMPONENTS = [
    Component("wheel", "psycopg", "3.2.1", "LGPL-3.0-only", "wheels/psycopg.whl", 1, 10, "a" * 64),
    Component("deb", "libc6", "2.36-9+deb12u14", "LGPL-2.1", "debs/libc6.deb", 1, 20, "b" * 64),
    Component("model", "small", "abc", "MIT", "models/small", 2, 30, "c" * 64),
    Component("product", "meeshy-appliance", "0.2.0", "GPL-3.0-or-later", "product", 9, 40, "d" * 64),
    Component("binary", "silo", "1", "AGPL-3.0-only", "bin/silo", 1, 50, "e" * 64),
]
TYPES = {"application", "framework", "library", "container", "platform", "operating-system", "device", "device-driver",
         "firmware", "file", "machine-learning-model", "data", "cryptographic-asset"}  # fmt: skip


def bill(components=COMPONENTS, built_s=BUILT_S):
    return bill_of_materials("meeshy-appliance", "0.2.0", "c" * 40, built_s, components, "debian-12")


def test_the_bill_of_materials_has_what_cyclonedx_requires():
    document = json.loads(bill())

    assert document["bomFormat"] == "CycloneDX"
    assert document["specVersion"] == "1.6"
    assert re.fullmatch(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", document["serialNumber"])
    assert isinstance(document["version"], int)
    assert document["version"] >= 1
    datetime.fromisoformat(document["metadata"]["timestamp"])
    references = [document["metadata"]["component"]["bom-ref"]]
    for entry in [document["metadata"]["component"], *document["components"]]:
        assert entry["type"] in TYPES
        assert entry["name"]
    for entry in document["components"]:
        references.append(entry["bom-ref"])
        assert all(re.fullmatch(r"[0-9a-f]{64}", each["content"]) for each in entry["hashes"])
        assert all(each["alg"] == "SHA-256" for each in entry["hashes"])
        assert all(set(each["license"]) == {"name"} for each in entry["licenses"])
    assert len(references) == len(set(references)) == len(COMPONENTS) + 1
    assert all({each["ref"], *each["dependsOn"]} <= set(references) for each in document["dependencies"])


def test_packages_have_addresses_that_scanners_know():
    addresses = {entry["name"]: entry.get("purl") for entry in json.loads(bill())["components"]}

    assert addresses["psycopg"] == "pkg:pypi/psycopg@3.2.1"
    assert addresses["libc6"] == "pkg:deb/debian/libc6@2.36-9%2Bdeb12u14?distro=debian-12"


def test_the_same_things_have_the_same_bill_and_other_things_another_number():
    assert bill() == bill(list(reversed(COMPONENTS)))
    assert json.loads(bill())["serialNumber"] != json.loads(bill(COMPONENTS[:-1]))["serialNumber"]
    assert uuid.UUID(json.loads(bill())["serialNumber"].removeprefix("urn:uuid:")).version == 5


def test_sources_are_offered_for_what_asks_for_it():
    files = licence_files(COMPONENTS, {"python/psycopg/LICENSE": b"text"}, "We offer.\n")
    offer = files["licences/SOURCE-OFFER.txt"].decode()
    unclear = Component("deb", "bash", "5.2", f"{UNSTATED}copyright file", "debs/bash.deb", 1, 60, "f" * 64)
    assert "deb bash 5.2" in licence_files([unclear], {}, "We offer.")["licences/SOURCE-OFFER.txt"].decode()

    assert offer.startswith("We offer.\n")
    assert "binary silo 1: AGPL-3.0-only" in offer
    assert "wheel psycopg" in offer
    assert "small" not in offer
    assert files["licences/INDEX.tsv"].decode().count("\n") == len(COMPONENTS) + 1
    assert files["licences/python/psycopg/LICENSE"] == b"text"


def wheel(tmp_path, metadata, **texts):
    path = tmp_path / "x-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x-1.dist-info/METADATA", f"Metadata-Version: 2.4\nName: x\nVersion: 1\n{metadata}\n\nAbout\n")
        archive.writestr("x/LICENSE.py", "no text of ours")
        for name, text in texts.items():
            archive.writestr(f"x-1.dist-info/{name.replace('__', '/')}", text)
    return path


@pytest.mark.parametrize(
    ("metadata", "licence"),
    [
        ("License-Expression: MIT OR Apache-2.0", "MIT OR Apache-2.0"),
        ("License: BSD", "BSD"),
        ("License: Copyright (c) somebody\n        All rights given.", "see its licence files"),
        ("Classifier: License :: OSI Approved :: MIT License\nClassifier: Topic :: X", "MIT License"),
        ("", "see its licence files"),
    ],
)
def test_a_wheel_tells_its_licence(tmp_path, metadata, licence):
    found = describe_wheel(wheel(tmp_path, metadata, licenses__LICENSE="MIT text", COPYING="GPL text", RECORD=""))

    assert found.licence == licence
    assert found.texts == {"licenses_LICENSE": b"MIT text", "COPYING": b"GPL text"}


def test_apt_s_own_verifier_accepts_the_repository_s_signature(tmp_path):
    gpgv = tool("gpgv", "Debian: gpgv")
    for seed in range(24):  # some R and S begin with zeros, which OpenPGP leaves out
        key = SmallKey(seed)
        release = release_file(b"Package: x\n", "amd64", BUILT_S + seed)
        (tmp_path / "key.gpg").write_bytes(certificate(key.trusted.public, key.trusted.owner, key.sign))
        (tmp_path / "Release").write_bytes(release)
        (tmp_path / "Release.gpg").write_bytes(
            detached_signature(key.trusted.public, release, BUILT_S + seed, key.sign)
        )
        command = [gpgv, "--status-fd", "1", "--keyring", "./key.gpg", "Release.gpg", "Release"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert f"VALIDSIG {fingerprint(key.trusted.public).hex().upper()}" in done.stdout
        (tmp_path / "Release").write_bytes(release + b"\n")
        assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode != 0


def test_the_certificate_vouches_for_its_own_name(tmp_path):
    (tmp_path / "home").mkdir(mode=0o700)
    (tmp_path / "key.gpg").write_bytes(certificate(KEY.trusted.public, KEY.trusted.owner, KEY.sign))
    gpg = [tool("gpg", "Debian: gpg"), "--homedir", str(tmp_path / "home"), "--batch", "--no-autostart"]
    subprocess.run([*gpg, "--import", "key.gpg"], cwd=tmp_path, check=True, capture_output=True)
    listed = subprocess.run([*gpg, "--with-colons", "--check-sigs"], check=True, capture_output=True, text=True).stdout

    signatures = [line.split(":") for line in listed.splitlines() if line.startswith("sig:")]
    assert [line[1] for line in signatures] == ["!"]
    assert KEY.trusted.owner in listed


def test_a_bundle_without_debian_packages_has_nothing_for_apt(tmp_path):
    files = {path: raw for path, raw in FILES.items() if not path.startswith("debs/")}
    small_bundle(tmp_path / "x", KEY, files)
    unpack(tmp_path / "x", tmp_path / "out", KEY.site(), lambda _: None)

    assert not (tmp_path / "out" / "debs").exists()


def test_the_carried_installer_runs_by_itself_and_is_reproducible(tmp_path):
    root = Path(__file__).resolve().parents[2]
    paths = (root / "installer").rglob("*.py")
    files = {str(path.relative_to(root)): path.read_bytes() for path in paths}
    product = Product("meeshy-appliance", "0.2.0", "c", 0, files, frozenset())
    program = tmp_path / "installer.pyz"
    program.write_bytes(carrier(product))
    small_bundle(tmp_path / "x", KEY)
    (tmp_path / "keys").write_text(KEY.trusted.line())

    judged = ["--keys", "keys", "--installed", "none", "--any-machine"]
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(program), "verify", *judged, "x"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert f"signed by {KEY.trusted.id}" in done.stdout
    assert carrier(product) == program.read_bytes()
    assert not any("build" in name for name in zipfile.ZipFile(io.BytesIO(carrier(product))).namelist())
