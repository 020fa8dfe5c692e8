"""`meeshy packs`: measure the starter language packs, and train them anew."""

import json
from pathlib import Path

import click

FOLDER = Path(__file__).parent


@click.group()
def packs() -> None:
    """Starter language packs: what they are worth, and how to train them anew."""


@packs.command()
@click.option("--folder", default=FOLDER, type=click.Path(path_type=Path, exists=True), help="Where the packs lie.")
@click.option("--corpus", default=FOLDER.parent / "corpus", type=click.Path(path_type=Path, exists=True))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def evaluate(folder: Path, corpus: Path, as_json: bool) -> None:
    """Report chrF per direction, beside copying the source and, for Spanish, beside Apertium."""
    # CTranslate2 takes a second to import: not for `meeshy --help`.
    from models.packs import evaluate as measures

    try:
        rows = measures.evaluate(folder, corpus)
    except FileNotFoundError as error:
        raise click.ClickException(f"The pack {error.filename} is missing; `meeshy packs train` makes it.") from error
    click.echo(json.dumps(measures.document(rows), indent=2) if as_json else measures.table(rows))


@packs.command(
    add_help_option=False, context_settings={"ignore_unknown_options": True}, short_help="Train packs from the corpus."
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def train(arguments: tuple[str, ...]) -> None:
    """Train packs from the corpus; `--help` lists the options."""
    try:
        from models.packs.train import train as run
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f"Training needs {error.name}, which the base install leaves out: install installer/locks/train.in into "
            "an environment of its own and run `python -m models.packs.train` there."
        ) from error
    run.main(args=list(arguments), prog_name="meeshy packs train")
