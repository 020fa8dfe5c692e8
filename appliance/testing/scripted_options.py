"""The options with which scripted processes are told how long their engines take."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from appliance.testing.diary import Diary
from appliance.testing.pace import pace_of
from appliance.testing.paced_workshop import paced
from appliance.workers.workshop import Build


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add `--pace`, `--load` and `--diary`."""
    parser.add_argument("--pace", action="append", default=[], metavar="FAMILY=FIRST+FURTHER", type=pace_of)
    parser.add_argument("--load", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--diary", type=Path, metavar="FILE")


def build_of(given: argparse.Namespace) -> Build:
    """Return what builds a workshop as these options say."""
    if given.diary is None:
        return paced(dict(given.pace), given.load)
    return paced(dict(given.pace), given.load, Diary(given.diary).note)


def passed_on(given: argparse.Namespace) -> Sequence[str]:
    """Return the options as another process's command line has them."""
    words = [word for family, pace in given.pace for word in ("--pace", f"{family}={pace.first_s}+{pace.further_s}")]
    words += ["--load", str(given.load)]
    return words if given.diary is None else [*words, "--diary", str(given.diary)]
