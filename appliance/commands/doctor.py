"""`meeshy doctor`: whether this host is in order, and whether the pipeline needs a network."""

import json
import sys
from collections.abc import Sequence

import click
import msgspec
from rich.console import Console
from rich.table import Table

from appliance.commands.child_environment import child_environment
from appliance.commands.serve import require_models
from appliance.doctor.air_gap import run_without_network
from appliance.doctor.checks import examine
from appliance.doctor.report import AirGap, Finding
from appliance.settings import Settings

OUTSIDE = {
    "database_url": "", "redis_url": "", "cache_redis_url": "", "s3_endpoint": "", "s3_access_key": "",
    "s3_secret_key": "", "deepl_key": "", "allow_deepl": False, "client_key": "", "webhook_allow": "",
    "model_mirror_url": "",
}  # fmt: skip
"""Settings that lead out of a host, and the secrets for it: the run has a database and objects in a scratch folder."""
_COLOURS = {"ok": "green", "unused": "dim", "note": "yellow", "wrong": "red"}


@click.command("doctor")
@click.option(
    "--air-gap", is_flag=True, help="Instead: one note through the pipeline without a network; tell who tries one."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def doctor(settings: Settings, air_gap: bool, as_json: bool) -> None:
    """Look whether this host is in order; ends with 1 when something is wrong."""
    if air_gap:
        require_models(settings)
        sys.exit(prove(settings, as_json))
    findings = examine(settings)
    _tell(findings, as_json)
    sys.exit(1 if any(each.state == "wrong" for each in findings) else 0)


def prove(settings: Settings, as_json: bool, module: str = "appliance.doctor.child") -> int:
    """Run the pipeline without a network, tell what came of it, and return the exit code."""
    report = run_without_network(_alone(settings), module)
    _tell_air_gap(report, as_json)
    return 0 if report.passed else 1


def _alone(settings: Settings) -> dict[str, str]:
    environment = child_environment(settings.model_copy(update=OUTSIDE))
    environment.pop("CREDENTIALS_DIRECTORY", None)
    # What the models' libraries read, as an installation's services have it.
    return environment | {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}


def _tell(findings: Sequence[Finding], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"findings": msgspec.to_builtins(findings)}, ensure_ascii=False, indent=2))
        return
    table = Table(box=None, pad_edge=False, show_header=False)
    for each in findings:
        does = f"\n{each.do}" if each.do else ""
        table.add_row(f"[{_COLOURS[each.state]}]{each.state}[/]", each.check, f"{each.says}{does}")
    Console().print(table, highlight=False)


def _tell_air_gap(report: AirGap, as_json: bool) -> None:
    if as_json:
        document = {"passed": report.passed, **msgspec.to_builtins(report)}
        click.echo(json.dumps(document, ensure_ascii=False, indent=2))
        return
    for step in report.steps:
        click.echo(f"{step.name:<10} {step.says}")
    for attempt in report.attempts:
        click.echo(f"{attempt.by} tried: {', '.join(attempt.what)}; {attempt.program}")
        for place in attempt.where:
            click.echo(f"    {place}")
    if report.failed:
        click.echo(f"failed: {report.failed}")
    click.echo("Nothing tried to reach a network." if report.passed else "This host is not proven to need no network.")
