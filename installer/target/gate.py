"""The command line's part that asks a running appliance whether it does its work."""

import argparse
import sys
from pathlib import Path

from installer.target.failure import TargetFailed
from installer.target.trial import Edge, run_trial
from installer.target.workers import await_workers


def run_trial_command(chosen: argparse.Namespace) -> None:
    """Translate a note and say how it went."""
    key = chosen.key_file.read_text().strip() if chosen.key_file.exists() else ""
    if not key:
        raise TargetFailed(f"There is no key in {chosen.key_file}.")
    edge = Edge(chosen.url, key, chosen.authority)
    done = run_trial(edge, chosen.note, chosen.language, chosen.version, chosen.patience_s)
    sys.stdout.write(
        f"trial: {done.version} has spoken a note in {chosen.language}, {done.audio_bytes} bytes "
        f"after {done.seconds:.1f} s\n"
    )


def run_workers(chosen: argparse.Namespace) -> None:
    """Wait until this machine's own workers work."""
    sys.stdout.write(f"workers: {await_workers(chosen.patience_s).says()}\n")


def add_trial(parser: argparse.ArgumentParser) -> None:
    """Give a parser the options of `trial`."""
    parser.add_argument("--url", required=True, help="where the edge answers")
    parser.add_argument("--authority", type=Path, help="certificate of the only authority that is trusted")
    parser.add_argument("--key-file", type=Path, required=True, help="file with an application's key")
    parser.add_argument("--note", type=Path, help="recording to translate")
    parser.add_argument("--language", default="fr", help="language to speak it in")
    parser.add_argument("--version", help="release that has to answer")
    parser.add_argument(
        "--patience-s", type=float, default=300, help="how long nothing may move, and a sixth of it all"
    )


def add_workers(parser: argparse.ArgumentParser) -> None:
    """Give a parser the options of `workers`."""
    parser.add_argument("--patience-s", type=float, default=300, help="how long it may take")
