"""`meeshy translate FILE --to LANG`: one recording through an appliance, over HTTP."""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from appliance.commands.client import api_key, appliance_at, fetch_audio, submit_file
from appliance.commands.models_needed import ensure_models
from appliance.commands.results import document_of, safe_stem, show
from appliance.errors import CommandFailed
from appliance.languages import parse_language
from appliance.settings import Settings

LOCAL_USER = "local"


@click.command("translate")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--to", "languages", multiple=True, required=True, help="Language to speak it in; may be repeated.")
@click.option("--from", "source", help="Language of the recording; found out by itself if left away.")
@click.option("--voice", type=click.Choice(["speaker", "stock"]), default="speaker", show_default=True)
@click.option("--consent", is_flag=True, help="I attest that the speaker agrees to a voice that resembles theirs.")
@click.option("--format", "audio_format", type=click.Choice(["wav", "mp3", "opus", "m4a"]), default="wav")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), default=Path(), help="Folder for the audio.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def translate(
    settings: Settings,
    file: Path,
    languages: tuple[str, ...],
    source: str | None,
    voice: str,
    consent: bool,
    audio_format: str,
    out: Path,
    as_json: bool,
) -> None:
    """Translate a recording; uses the running appliance of this data folder, or starts one for the purpose."""
    fields = {"voice": voice, "consent": str(consent).lower(), "format": audio_format}
    if source:
        fields["source_lang"] = parse_language(source)
    document = translate_file(settings, file, [parse_language(tag) for tag in languages], fields, out)
    if as_json:
        click.echo(json.dumps(document, ensure_ascii=False, indent=2))
    else:
        show(document, Console())
    if any(target["error"] for target in document["targets"]):
        raise CommandFailed("Not every language could be made; the reasons are above.")


def translate_file(
    settings: Settings, file: Path, languages: Sequence[str], fields: dict[str, str], out: Path
) -> dict[str, Any]:
    """Send a recording to the appliance, save the audio in a folder, and return the document that `--json` prints."""
    console = Console(stderr=True)
    ensure_models(settings)
    fields = {"user_id": LOCAL_USER, **fields}
    with console.status("") as status, appliance_at(settings, status.update) as url:
        started_s = time.monotonic()
        key = api_key(settings)
        job = submit_file(url, key, file, languages, fields, status.update)
        elapsed_s = time.monotonic() - started_s
        paths = {}
        for target in job["targets"]:
            if target["audio_url"]:
                path = out / f"{safe_stem(file)}.{target['language']}.{fields.get('format', 'wav')}"
                fetch_audio(url, key, LOCAL_USER, target["audio_url"], path)
                paths[target["language"]] = path
    return document_of(job, paths, elapsed_s)
