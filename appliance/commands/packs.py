"""`meeshy packs`: the site's language packs, and what the starter packs are worth."""

import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from appliance.errors import CommandFailed, MeeshyError
from appliance.languages import parse_language
from appliance.settings import Settings
from models.packs.commands import packs as measuring


class _Sentences(click.Group):
    """Ends a command that failed with its error's sentence on standard error and exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except MeeshyError as failure:
            raise click.ClickException(failure.detail) from failure


@click.group("packs", cls=_Sentences, commands=dict(measuring.commands))
def packs() -> None:
    """Install, list, remove and measure language packs (.argosmodel files)."""


@packs.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def list_packs(settings: Settings, as_json: bool) -> None:
    """Show the installed packs; a running worker uses what is installed when it starts its next batch."""
    rows = [
        {"source": pack.source, "target": pack.target, "quality": pack.quality, "version": pack.version,
         "bytes": pack.model_bytes, "sha256": pack.sha256}
        for pack in _packs(settings).installed()
    ]  # fmt: skip
    if as_json:
        click.echo(json.dumps({"packs": rows}, indent=2))
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("pair", "quality", "version", "size"):
        table.add_column(heading)
    for row in rows:
        table.add_row(
            f"{row['source']} > {row['target']}", row["quality"], row["version"], f"{row['bytes'] / 1e6:.1f} MB"
        )  # fmt: skip
    Console().print(table, highlight=False)


@packs.command("install")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.pass_obj
def install(settings: Settings, file: Path) -> None:
    """Install a pack; an official one takes the place of a starter pack for the same pair."""
    pack = _packs(settings).install(file)
    click.echo(f"{pack.source} > {pack.target}: {pack.quality} pack {pack.version} is installed.")


@packs.command("remove")
@click.argument("source")
@click.argument("target")
@click.pass_obj
def remove(settings: Settings, source: str, target: str) -> None:
    """Remove the pack of a pair; a starter pack comes back with the next start."""
    pair = parse_language(source), parse_language(target)
    if _packs(settings).find(*pair) is None:
        raise CommandFailed(f"There is no pack for {pair[0]} > {pair[1]}.")
    _packs(settings).remove(*pair)
    click.echo(f"{pair[0]} > {pair[1]}: removed.")


def _packs(settings: Settings) -> Any:
    # CTranslate2, which tries a pack out, takes a second to import: not for `meeshy --help`.
    from appliance.engines.argos_model import try_out
    from appliance.engines.argos_packs import ArgosPacks

    return ArgosPacks(settings.models_dir / "argos", try_out=try_out)
