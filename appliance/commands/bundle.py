"""`meeshy bundle`: what carries an installation to a site without a network."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from appliance.commands.bundle_key import FileKey, make_key
from appliance.commands.bundle_making import making
from appliance.commands.bundle_options import BundleGroup, parse_size, say
from appliance.errors import CommandFailed
from installer.__main__ import verify_at
from installer.build.sign import sign as sign_bundle
from installer.bundle import difference as differences
from installer.bundle.host import this_host
from installer.bundle.inspect import described, front_of, front_of_stream
from installer.bundle.installed import DEFAULT_FILE as INSTALLED
from installer.bundle.installed import read_installed
from installer.bundle.join import join as join_parts
from installer.bundle.keys import DEFAULT_FILE as KEYS
from installer.bundle.keys import read_keys
from installer.bundle.metadata import parse_metadata
from installer.bundle.parts import split as split_bundle
from installer.bundle.unpack import unpack as unpack_bundle
from installer.bundle.verify import Site

FILE = click.Path(exists=True, path_type=Path)
NEW = click.Path(path_type=Path)
keys_option = click.option("--keys", type=NEW, default=KEYS, help=f"File of trusted public keys; {KEYS} by default.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


@click.group("bundle", cls=BundleGroup, commands=dict(making.commands))
def bundle() -> None:
    """Make, sign, carry and judge bundles."""


@bundle.command("key")
@click.option("--private", type=NEW, required=True, help="File to write the private key to.")
@click.option("--public", type=NEW, required=True, help="File to write the public key to.")
@click.option("--owner", required=True, help="Whose key it is, for people.")
@click.option("--passphrase-file", type=FILE, help="File whose first line protects the private key.")
def key(private: Path, public: Path, owner: str, passphrase_file: Path | None) -> None:
    """Make a key pair for signing."""
    trusted = make_key(private, public, owner, _passphrase(passphrase_file))
    say(f"key {trusted.id}: take {public} to the sites by a way of its own")


@bundle.command("sign")
@click.argument("file", type=FILE)
@click.option("--private", type=FILE, required=True, help="The private key.")
@click.option("--owner", default="", help="Whose key it is; stands in the certificate that apt sees.")
@click.option("--passphrase-file", type=FILE, help="File whose first line is the key's passphrase.")
def sign(file: Path, private: Path, owner: str, passphrase_file: Path | None) -> None:
    """Read a bundle through and sign it in its place."""
    signer = FileKey(private, _passphrase(passphrase_file), owner)
    front = sign_bundle(file, signer)
    say(f"signed: {parse_metadata(front.raw).title} by {signer.trusted.id}")


def _judging(command: Any) -> Any:
    for option in (
        click.option("--any-machine", is_flag=True, help="Do not compare with this machine."),
        click.option("--installed", type=NEW, default=INSTALLED, help=f"What is installed; {INSTALLED} by default."),
        keys_option,
    ):
        command = option(command)
    return command


def _site(keys: Path, installed: Path, *, any_machine: bool) -> Site:
    return Site(read_keys(keys), read_installed(installed), None if any_machine else this_host())


@bundle.command("verify")
@click.argument("file", type=FILE)
@_judging
def verify(file: Path, keys: Path, installed: Path, any_machine: bool) -> None:
    """Judge a bundle, a folder that one was unpacked to, or a part; change nothing."""
    verify_at(file, _site(keys, installed, any_machine=any_machine), say)


@bundle.command("unpack")
@click.argument("file", type=FILE)
@click.option("--to", type=NEW, required=True, help="Folder to make.")
@_judging
def unpack(file: Path, to: Path, keys: Path, installed: Path, any_machine: bool) -> None:
    """Verify a bundle, then put its files into a folder."""
    unpack_bundle(file, to, _site(keys, installed, any_machine=any_machine), say)


@bundle.command("inspect")
@click.argument("file", type=NEW)
@keys_option
@as_json
def inspect(file: Path, keys: Path, as_json: bool) -> None:
    """Tell what a bundle, its first part, an unpacked folder or a pipe (-) is, without unpacking it."""
    front = front_of_stream(sys.stdin.buffer) if str(file) == "-" else front_of(file)
    about, lines = described(front, read_keys(keys) if keys.exists() else {})
    say(about.encoded().decode().rstrip() if as_json else "\n".join(lines))


@bundle.command("diff")
@click.argument("before", type=FILE)
@click.argument("after", type=FILE)
@as_json
def diff(before: Path, after: Path, as_json: bool) -> None:
    """Tell what changes from one bundle to another: components, sizes, migrations."""
    found = differences.difference(*(parse_metadata(front_of(each).raw) for each in (before, after)))
    if as_json:
        say(json.dumps(asdict(found) | {"fetched_bytes": found.fetched_bytes}, indent=2))
    else:
        say("\n".join(differences.described(found)))


@bundle.command("split")
@click.argument("file", type=FILE)
@click.option("--size", required=True, help="Largest size of a part: bytes, or a number with KiB, MiB or GiB.")
@click.option("--to", type=NEW, required=True, help="Folder for the parts.")
def split(file: Path, size: str, to: Path) -> None:
    """Write a bundle as parts for smaller media, each with its own checksum."""
    try:
        parts = split_bundle(file, to, parse_size(size))
    except ValueError as error:
        raise CommandFailed(f"--size {size}: {error}.") from None
    for part in parts:
        say(str(part))


@bundle.command("join")
@click.argument("parts", type=FILE, nargs=-1, required=True)
@click.option("--to", type=NEW, required=True, help="Bundle to write.")
def join(parts: tuple[Path, ...], to: Path) -> None:
    """Put parts together, each checked on the way; may be called once per medium."""
    join_parts(parts, to, say)


def _passphrase(path: Path | None) -> bytes | None:
    return path.read_bytes().splitlines()[0] if path else None
