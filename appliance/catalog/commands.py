"""`meeshy models`: what there is, get it, check it, throw it away, find it, vouch for it."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from appliance.catalog.bars import PullBars
from appliance.catalog.catalog import CHECKOUT, SETS
from appliance.catalog.model import Model
from appliance.catalog.pull import Pulled, pull
from appliance.catalog.record_packs import record_packs
from appliance.catalog.store import ModelReport, ModelStore
from appliance.errors import CommandFailed, MeeshyError
from appliance.settings import Settings

as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of text.")


class _Sentences(click.Group):
    """Ends a command that failed with its error's sentence on standard error and exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except MeeshyError as error:
            raise click.ClickException(error.detail) from error


@click.group(cls=_Sentences)
def models() -> None:
    """List, fetch, check and remove the models."""


@models.command("list")
@click.option("--set", "set_name", type=click.Choice(SETS), help="Only the models of one set.")
@as_json
@click.pass_obj
def list_models(settings: Settings, set_name: str | None, as_json: bool) -> None:
    """Show every model with its licence, size and state."""
    store = ModelStore(settings)
    chosen = store.catalog.of_set(set_name) if set_name else tuple(store.catalog)
    reports = {model.id: store.check(model.id) for model in chosen}
    if as_json:
        _print_json({"models": [_row(store, model, reports[model.id]) for model in chosen]})
        return
    table = Table(box=None, pad_edge=False)
    for name in ("model", "task", "sets", "licence", "size", "state"):
        table.add_column(name, justify="right" if name == "size" else "left", no_wrap=name not in ("sets", "licence"))
    for model in chosen:
        licence = model.licence if model.commercial else f"{model.licence} (not commercial)"
        state = reports[model.id].state
        table.add_row(model.id, model.task, " ".join(model.sets), licence, _megabytes(model.size_bytes), state)
    Console().print(table, highlight=False)


@models.command("pull")
@click.argument("names", nargs=-1)
@as_json
@click.pass_obj
def pull_models(settings: Settings, names: tuple[str, ...], as_json: bool) -> None:
    """Fetch models by id or set name (the configured preset where none is given); what is there already is kept."""
    store = ModelStore(settings)
    with PullBars() as bars:
        done = pull(store, names or (settings.model_preset,), bars)
    if as_json:
        _print_json({"models": [asdict(one) | {"path": _path_of(store, one)} for one in done]})
        return
    for one in done:
        click.echo(f"{one.model_id}: {one.state}" + (f" ({one.reason})" if one.reason else ""))


@models.command("verify")
@click.argument("names", nargs=-1)
@as_json
@click.pass_obj
def verify_models(settings: Settings, names: tuple[str, ...], as_json: bool) -> None:
    """Read every file of the named (or all installed) models and compare it with the catalog."""
    store = ModelStore(settings)
    chosen = store.catalog.named(names) if names else [m for m in store.catalog if store.folder(m.id).exists()]
    if not chosen:
        raise CommandFailed(f"No model is installed in {store.root}; run ./meeshy models pull starter.")
    reports = [store.check(model.id, fresh=True) for model in chosen]
    if as_json:
        _print_json({"models": [{"id": r.model_id, "state": r.state, "files": _files(r)} for r in reports]})
    else:
        for report in reports:
            click.echo(f"{report.model_id}: {report.state}")
    bad = [f"{r.model_id} is {r.state}" for r in reports if r.state != "installed"]
    if bad:
        raise CommandFailed(f"{', '.join(bad)}; run ./meeshy models pull for a fresh copy, or pin what is unpinned.")


@models.command("remove")
@click.argument("names", nargs=-1, required=True)
@as_json
@click.pass_obj
def remove_models(settings: Settings, names: tuple[str, ...], as_json: bool) -> None:
    """Delete models by id or set name."""
    store = ModelStore(settings)
    removed = {model.id: store.remove(model.id) for model in store.catalog.named(names)}
    if as_json:
        _print_json({"models": [{"id": model_id, "removed": found} for model_id, found in removed.items()]})
        return
    for model_id, found in removed.items():
        click.echo(f"{model_id}: {'removed' if found else 'was not installed'}")


@models.command("path")
@click.argument("model_id")
@as_json
@click.pass_obj
def model_path(settings: Settings, model_id: str, as_json: bool) -> None:
    """Print the folder of a model that is installed, whole and allowed."""
    folder = ModelStore(settings).require(model_id)
    if as_json:
        _print_json({"id": model_id, "path": str(folder)})
    else:
        click.echo(folder)


@models.command("pin")
@click.argument("model_id")
@click.option(
    "--from",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder with files that you trust. Default: the installed files.",
)
@as_json
@click.pass_obj
def pin_model(settings: Settings, model_id: str, folder: Path | None, as_json: bool) -> None:
    """Vouch for the files whose hash the catalog does not know."""
    pins = ModelStore(settings).pin(model_id, folder)
    if as_json:
        _print_json({"id": model_id, "pins": pins})
        return
    if not pins:
        click.echo(f"{model_id}: the catalog knows every hash already, and the files have them")
    for path, sha256 in pins.items():
        click.echo(f"{sha256}  {path}")


@models.command("record-packs")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path), required=False)
@as_json
def record_committed_packs(folder: Path | None, as_json: bool) -> None:
    """Write the committed language packs (models/packs) into the catalog; for developers, after training."""
    recorded = record_packs(CHECKOUT / "models" / "catalog.toml", folder or CHECKOUT / "models" / "packs")
    if as_json:
        _print_json({"models": [model.id for model in recorded]})
        return
    for model in recorded:
        click.echo(f"{model.id}: {model.files[0].sha256}")


def _row(store: ModelStore, model: Model, report: ModelReport) -> dict[str, Any]:
    fields = ("id", "title", "task", "engine", "licence", "commercial", "languages", "memory_bytes", "sets", "upstream")
    row = model.model_dump(mode="json", include=set(fields))
    return row | {
        "size_bytes": model.size_bytes,
        "state": report.state,
        "path": str(store.folder(model.id)),
        "files": _files(report),
    }


def _files(report: ModelReport) -> list[dict[str, Any]]:
    return [asdict(file) for file in report.files]


def _path_of(store: ModelStore, one: Pulled) -> str | None:
    return None if one.state == "skipped" else str(store.folder(one.model_id))


def _megabytes(size_bytes: int | None) -> str:
    return "unknown" if size_bytes is None else f"{size_bytes / 1e6:,.1f} MB"


def _print_json(document: dict[str, Any]) -> None:
    click.echo(json.dumps(document, ensure_ascii=False, indent=2))
