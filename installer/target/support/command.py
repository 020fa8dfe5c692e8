"""The command line's part: `support`."""

import argparse
import sys
from pathlib import Path

from installer.bundle.installed import DEFAULT_FILE as INSTALLED
from installer.target.support.gather import gather

LINES = 2000


def run_support(chosen: argparse.Namespace) -> None:
    """Write a support bundle, and say what is in it and what could not be had."""
    manifest = gather(chosen.to, chosen.lines, INSTALLED)
    for name, reason in manifest["missing"].items():
        sys.stdout.write(f"not had: {name} ({reason})\n")
    taken_out = ", ".join(f"{number} {kind}" for kind, number in manifest["taken_out"].items())
    sys.stdout.write(f"{chosen.to}: {len(manifest['files'])} files; taken out: {taken_out}\n")


def add_support(parser: argparse.ArgumentParser) -> None:
    """Give a parser the options of `support`."""
    parser.add_argument("--to", type=Path, required=True, help="file to write, ending in .tar.gz; for its owner alone")
    parser.add_argument("--lines", type=int, default=LINES, help=f"most lines of each log (default: {LINES})")
