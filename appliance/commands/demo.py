"""`meeshy demo`: the whole main job on a public-domain recording, from an empty machine to two spoken translations."""

import json
import os
import shlex
from pathlib import Path

import click
from rich.console import Console

from appliance.catalog.store import ModelStore
from appliance.commands.models_needed import ensure_models
from appliance.commands.results import show
from appliance.commands.translate import LOCAL_USER, translate_file
from appliance.errors import CommandFailed
from appliance.settings import Settings

LANGUAGES = ("fr", "es")


@click.command("demo")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def demo(settings: Settings, as_json: bool) -> None:
    """Fetch the starter models, start the appliance, and translate a recording of human speech over HTTP."""
    ensure_models(settings)
    recording = ModelStore(settings).require("demo-recording") / "jfk.wav"
    # The recording is a public speech of 1961 in the public domain; a voice that resembles the speaker's is made for
    # this job only and announced as such.
    fields = {"voice": "speaker", "consent": "true", "format": "wav"}
    document = translate_file(settings, recording, LANGUAGES, fields, settings.data_dir / "demo")
    if as_json:
        click.echo(json.dumps(document, ensure_ascii=False, indent=2))
    else:
        console = Console()
        show(document, console)
        console.print(_how_to_go_on(settings, recording), highlight=False, markup=False, soft_wrap=True)
    if any(target["error"] for target in document["targets"]):
        raise CommandFailed("Not every language could be made; the reasons are above.")


def _how_to_go_on(settings: Settings, recording: Path) -> str:
    url = f"http://{settings.host}:{settings.port}"
    key_file = os.path.relpath(settings.data_dir / "first_key")
    return (
        "Your own file:  ./meeshy translate note.m4a --to fr --to es --consent\n"
        f"The appliance:  ./meeshy serve        then its API by example: {url}/docs\n"
        "From any program, while it runs:\n"
        f'  curl -H "Authorization: Bearer $(cat {shlex.quote(key_file)})" -F audio=@{shlex.quote(str(recording))} \\\n'
        f"       -F user_id={LOCAL_USER} -F target_langs=fr,es -F consent=true {url}/api/v1/voice/translate"
    )
