"""The command line of the console. It loads the terminal library only when a terminal is drawn on."""

import asyncio
import gc
import random
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import click

from tui.clock import Clock, SystemClock
from tui.glyphs import Glyphs, glyphs_for
from tui.recording import Recorder, new_recording
from tui.replay import RecordedSource, RecordingUnreadable
from tui.report import Report, once
from tui.source import Source

SHORTEST_INTERVAL_S = 1.0


@dataclass(frozen=True)
class Options:
    """What the command line said."""

    url: str | None
    token_file: Path | None
    ca: Path | None
    read_only: bool
    once: bool
    as_json: bool
    ascii_only: bool
    interval: float
    demo: Path | None
    record: Path | None


OPTIONS = [
    click.Option(["--url"], help="Address of the appliance."),
    click.Option(["--token-file"], type=click.Path(dir_okay=False, path_type=Path), help="File that holds the key."),
    click.Option(["--ca"], type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Certificates to trust."),
    click.Option(["--read-only"], is_flag=True, help="Offer no action, whatever the key may do."),
    click.Option(["--once"], is_flag=True, help="Print one picture and end: 0 well, 1 degraded, 2 unreachable."),
    click.Option(["--json", "as_json"], is_flag=True, help="With --once: print one JSON document."),
    click.Option(["--ascii", "ascii_only"], is_flag=True, help="Draw with ASCII characters alone."),
    click.Option(
        ["--interval"], type=click.FloatRange(min=SHORTEST_INTERVAL_S), default=2.0, show_default=True,
        help="Seconds between two drawings at least.",
    ),
    click.Option(["--demo"], type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Play a recording."),
    click.Option(["--record"], type=click.Path(dir_okay=False, path_type=Path), help="Keep what is seen: a new file."),
]  # fmt: skip
"""Shared by `python -m tui` and `meeshy console`."""


def start(options: Options, own_address: str | None = None, own_key: Callable[[], str] | None = None) -> int:
    """Run the console or print the report, and return the exit code.

    `own_address` and `own_key` serve where the command line names no appliance or no file with a key.
    """
    if options.as_json and not options.once:
        raise click.UsageError("--json needs --once.")
    glyphs = glyphs_for(options.ascii_only, sys.stdout.encoding)
    clock = SystemClock()
    with ExitStack() as stack:
        source = _source(options, clock, own_address, own_key)
        if options.record is not None:
            try:
                source = Recorder(source, stack.enter_context(new_recording(options.record)), clock)
            except OSError as failure:
                raise click.ClickException(f"{options.record}: {failure.strerror}.") from failure
        if options.once:
            if isinstance(source, Recorder):
                source.tell = partial(click.echo, err=True)
            report = asyncio.run(_report(source, glyphs, options.as_json))
            click.echo(report.text)
            return report.exit_code
        return _run(source, clock, glyphs, options)


async def _report(source: Source, glyphs: Glyphs, as_json: bool) -> Report:
    try:
        return await once(source, glyphs, as_json=as_json)
    finally:
        await source.close()


def _run(source: Source, clock: Clock, glyphs: Glyphs, options: Options) -> int:
    from tui.app import Console

    if not sys.stdout.isatty():
        raise click.UsageError("The console needs a terminal; --once prints one picture without one.")
    app = Console(source, clock, glyphs, read_only=options.read_only, interval_s=options.interval)
    if isinstance(source, Recorder):
        source.tell = app.warn
    # What was imported stays for good: it need not be looked through again and again while a key waits.
    gc.freeze()
    app.run()
    return app.return_code or 0


def _source(options: Options, clock: Clock, own_address: str | None, own_key: Callable[[], str] | None) -> Source:
    if options.demo is not None:
        try:
            return RecordedSource(options.demo, clock)
        except RecordingUnreadable as failure:
            raise click.ClickException(f"{options.demo} is no recording of a console: {failure}") from failure
    address, file = options.url or own_address, options.token_file
    # This machine's own key goes to this machine's own appliance alone.
    key = (lambda: file.read_text().strip()) if file else (own_key if options.url is None else None)
    if address is None or key is None:
        raise click.UsageError("Give --url and --token-file, or --demo.")
    from tui.http_source import HttpSource, Unusable

    try:
        return HttpSource(address, key, clock, random.random, authority=options.ca)
    except Unusable as failure:
        raise click.UsageError(str(failure)) from failure


@click.pass_context
def _console(context: click.Context, **given: object) -> None:
    context.exit(start(Options(**given)))


console = click.Command(
    "console", params=OPTIONS, callback=_console, help="Show an appliance in this terminal, and act on it.",
    context_settings={"help_option_names": ["-h", "--help"]},
)  # fmt: skip
