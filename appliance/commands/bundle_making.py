"""`meeshy bundle plan|fetch|build`: from the list of components to one file."""

import functools
import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from appliance.catalog.catalog import CHECKOUT, SETS
from appliance.commands.bundle_models import CatalogModels
from appliance.commands.bundle_options import BundleGroup, say
from appliance.errors import CommandFailed
from appliance.settings import Settings
from installer.build.assemble import build as build_bundle
from installer.build.assemble import bundle_name
from installer.build.cache import Cache
from installer.build.carrier import carrier
from installer.build.components import OBJECT_STORES, Choices, read_components
from installer.build.fetch import fetch as fetch_items
from installer.build.fetch import missing
from installer.build.item import Item
from installer.build.lock import read_lock
from installer.build.product import read_product
from installer.build.resolution import Builder, resolve
from installer.bundle.inspect import table
from installer.bundle.metadata import CUDA_FLAVOURS
from installer.bundle.space import gibibytes

COMPONENTS = CHECKOUT / "installer" / "components.toml"


@click.group(cls=BundleGroup)
def making() -> None:
    """Plan, fetch and build."""


def default_cache(settings: Settings) -> Path:
    """Return the folder of fetched files: beside the models, which can then be linked instead of copied."""
    return settings.models_dir.absolute().parent / "bundle"


def _choosing(command: Callable[..., None]) -> Any:
    """Give a command the options that decide what a bundle holds; it gets the Builder that they make."""

    @functools.wraps(command)
    def chosen(
        settings: Settings, components: Path, cache: Path | None, apt_sources: Path | None, preset: str | None,
        object_store: str | None, cuda: tuple[str, ...], optional: tuple[str, ...], **rest: Any,
    ) -> None:  # fmt: skip
        choices = Choices(preset, object_store, dict(map(_flavour, cuda)), frozenset(optional))
        found = read_components(components, choices)
        models = CatalogModels(settings)
        command(Builder(found, Cache(cache or default_cache(settings)), models, apt_sources), **rest)

    path = click.Path(path_type=Path)
    options = (
        click.option(
            "--components", type=path, default=COMPONENTS, help="List of components; by default this project's."
        ),
        click.option("--cache", type=path, help="Folder of fetched files; beside the models by default."),
        click.option("--apt-sources", type=path, help="apt's source list of the target's system."),
        click.option("--preset", type=click.Choice(SETS), help="Set of models, instead of the list's."),
        click.option("--object-store", type=click.Choice(OBJECT_STORES), help="Object store, instead of the list's."),
        click.option("--cuda", multiple=True, help="ENVIRONMENT=FLAVOUR; flavours: " + ", ".join(CUDA_FLAVOURS) + "."),
        click.option("--with", "optional", multiple=True, help="Optional environment to include, such as xtts."),
    )
    decorated: Any = click.pass_obj(chosen)
    for option in reversed(options):
        decorated = option(decorated)
    return decorated


def _flavour(text: str) -> tuple[str, str]:
    environment, _, flavour = text.partition("=")
    if flavour not in CUDA_FLAVOURS:
        raise CommandFailed(f"--cuda {text}: write ENVIRONMENT=FLAVOUR, with one of {', '.join(CUDA_FLAVOURS)}.")
    return environment, flavour


@making.command("plan")
@click.option("--resolve", "ask", is_flag=True, help="Ask the indexes, and show every file and what is to be fetched.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@_choosing
def plan(builder: Builder, ask: bool, as_json: bool) -> None:
    """Show what a bundle would hold; without --resolve nothing is asked of any index."""
    items: Sequence[Item] = ()
    if ask:
        with builder.alone(_tell):
            items = resolve(builder, _tell)
    document = _planned(builder, items)
    if as_json:
        click.echo(json.dumps(document, indent=2))
        return
    say(f"for {document['host']}, preset {document['preset']}, object store {document['object_store']}")
    rows = [
        ("environment", each["name"], each["cuda"], f"{each['packages']} packages") for each in document["environments"]
    ]
    rows += [("role", role, "", " ".join(names)) for role, names in document["debian_roles"].items()]
    rows += [("model", each["name"], each["version"], gibibytes(each["size_bytes"])) for each in document["models"]]
    say("\n".join(table([("kind", "name", "", "contents"), *rows])))
    if ask:
        say(f"{document['files']} files, to fetch: {document['missing_files']}, {gibibytes(document['missing_bytes'])}")


def _tell(line: str) -> None:
    click.echo(line, err=True)


def _planned(builder: Builder, items: Sequence[Item]) -> dict[str, Any]:
    components = builder.components
    flavours = {each.name: each.cuda for each in components.environments}
    document: dict[str, Any] = {
        "host": f"{components.host.os} {components.host.architecture} Python {components.host.python}",
        "preset": components.preset,
        "object_store": components.object_store,
        "environments": [
            {"name": name, "cuda": flavours.get(name, "cpu"), "locks": list(locks),
             "packages": len({pin.name for lock in locks for pin in read_lock(components.lock_file(lock))})}
            for name, locks in builder.locks().items()
        ],
        "debian_roles": {role: list(names) for role, names in components.debian_roles.items()},
        "models": [
            {"name": model.id, "version": model.version, "licence": model.licence,
             "size_bytes": sum(file.size_bytes or 0 for file in model.files)}
            for model in builder.models.wanted(components.preset)
        ],
    }  # fmt: skip
    if items:
        absent = missing(builder, items)
        document |= {
            "files": len(items), "missing_files": len(absent),
            "missing_bytes": sum(max(item.size_bytes, 0) for item in absent),
        }  # fmt: skip
    return document


@making.command("fetch")
@click.option("--refresh", is_flag=True, help="Resolve anew, though nothing of the list has changed.")
@_choosing
def fetch(builder: Builder, refresh: bool) -> None:
    """Bring everything into the cache; after an interruption, the next call goes on."""
    fetch_items(builder, say, refresh=refresh)


@making.command("build")
@click.option("--to", type=click.Path(path_type=Path), required=True, help="Folder for the bundle.")
@click.option("--commit", default="HEAD", help="What to take the product from; HEAD by default.")
@_choosing
def build(builder: Builder, to: Path, commit: str) -> None:
    """Prove the environments without a network and write the bundle and the installer that can judge it."""
    product = read_product(CHECKOUT, commit, builder.components.product_paths)
    build_bundle(builder, product, to / bundle_name(product, builder), say)
    program = to / f"meeshy-installer-{product.version}.pyz"
    program.write_bytes(carrier(product))
    script = to / "install.sh"
    script.write_bytes(product.files["installer/install.sh"])
    for each in (program, script):
        say(f"installer: {each}, sha256 {hashlib.sha256(each.read_bytes()).hexdigest()}")
