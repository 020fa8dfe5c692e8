"""The command line's part for a machine that is being set up."""

import argparse
import json
import os
import sys
from pathlib import Path

from installer.bundle.inspect import front_of
from installer.bundle.installed import DEFAULT_FILE as INSTALLED
from installer.bundle.metadata import parse_metadata
from installer.target.environment import make_environment
from installer.target.gpus import WantedGpu, WantedGpus, examine_gpus, parse_wanted
from installer.target.machine import read_machine
from installer.target.nvml import LIMIT_S
from installer.target.preflight import Wanted, judge
from installer.target.product import compile_product, lay_product
from installer.target.prune import prune
from installer.target.room import judge_room, needed_bytes

EARLY = ("root", "systemd", "clock")
"""Checks that need to know of a machine no more than that a bundle is to be unpacked on it."""


def run_environment(chosen: argparse.Namespace) -> None:
    """Make an environment, with the product where a folder for it is given, and say whether that was needed."""
    os.umask(0o022)  # services of other users read it, whatever root's own mask is
    done = [chosen.product is not None and lay_product(chosen.bundle, chosen.product, check=chosen.check)]
    done.append(make_environment(chosen.bundle, chosen.environment, chosen.to, chosen.product, check=chosen.check))
    if chosen.product is not None:
        done.append(compile_product(chosen.product, chosen.to / "bin" / "python", check=chosen.check))
    sys.stdout.write(f"environment {chosen.environment}: {'made' if any(done) else 'as it was'}\n")


def run_preflight(chosen: argparse.Namespace) -> None:
    """Judge this machine; exit code 1 where something stops. With --json it is 0 and the document says so."""
    ports, waived = tuple(int(port) for port in _listed(chosen.ports)), _listed(chosen.waive)
    open_tcp, open_udp = (tuple(map(int, _listed(each))) for each in (chosen.open_tcp, chosen.open_udp))
    wanted = Wanted(
        chosen.built_s, chosen.memory_gib, chosen.disk_gib, ports, open_tcp, open_udp,
        chosen.egress == "closed", chosen.keeps_time,
    )  # fmt: skip
    found = judge(read_machine(INSTALLED), wanted, waived)
    gpus = WantedGpus(chosen.gpus, chosen.gpu_driver, chosen.gpu_model)
    found += examine_gpus(gpus, waived, chosen.gpu_limit_s)
    found.sort(key=lambda each: not each.stop)
    _tell(found, as_json=chosen.json)


def run_room(chosen: argparse.Namespace) -> None:
    """Judge whether a bundle can be unpacked here, before it is; exit code 1 where something stops."""
    about, waived = parse_metadata(front_of(chosen.bundle).raw), _listed(chosen.waive)
    wanted = Wanted(built_s=about.built_s, memory_gib=0, disk_gib=0)
    found = [each for each in judge(read_machine(INSTALLED), wanted, waived) if each.check in EARLY]
    found += [] if "disk" in waived else judge_room(needed_bytes(about))
    _tell(found, as_json=False)


def run_prune(chosen: argparse.Namespace) -> None:
    """Remove what belongs to other releases than those to be kept, and say what."""
    going = prune(chosen.keep, check=chosen.check)
    sys.stdout.write("".join(f"removed {path}\n" for path in going) or "nothing to remove\n")


def _tell(found: list, *, as_json: bool) -> None:
    stop, lines = any(each.stop for each in found), [each.line() for each in found]
    if as_json:
        sys.stdout.write(json.dumps({"stop": stop, "lines": lines}) + "\n")
        return
    sys.stdout.write("\n".join([*lines, "preflight: " + ("refused" if stop else "passed")]) + "\n")
    if stop:
        sys.exit(1)


def _gpus(text: str) -> tuple[WantedGpu, ...]:
    try:
        return parse_wanted(text)
    except ValueError as wrong:
        raise argparse.ArgumentTypeError(str(wrong)) from wrong


def _listed(text: str) -> list[str]:
    return [] if text == "none" else [word for word in text.split(",") if word]


def add_environment(parser: argparse.ArgumentParser) -> None:
    """Give a parser the options of `environment`."""
    parser.add_argument("--bundle", type=Path, required=True, help="folder that a bundle was unpacked to")
    parser.add_argument("--environment", required=True, help="its name in bundle.json")
    parser.add_argument("--to", type=Path, required=True, help="folder of the environment; it cannot be moved later")
    parser.add_argument("--product", type=Path, help="folder to lay the product into, importable in the environment")
    parser.add_argument("--check", action="store_true", help="only say whether something would have to be made")


def add_preflight(parser: argparse.ArgumentParser) -> None:
    """Give a parser the options of `preflight`."""
    parser.add_argument("--built-s", type=int, default=0, help="the clock must be past this, in seconds since 1970")
    parser.add_argument("--memory-gib", type=float, default=4, help="memory that is needed")
    parser.add_argument("--disk-gib", type=float, default=6, help="free room that is needed")
    parser.add_argument("--ports", default="443,8750,5432,6379", help="TCP ports that must be free, or `none`")
    parser.add_argument("--open-tcp", default="22,443", help="TCP ports that the firewall will leave open, or `none`")
    parser.add_argument("--open-udp", default="none", help="UDP ports that the firewall will leave open, or `none`")
    parser.add_argument("--egress", choices=("closed", "open"), default="closed", help="what the firewall lets out")
    parser.add_argument("--keeps-time", action="store_true", help="chrony will keep the time")
    parser.add_argument("--waive", default="none", help="checks whose findings do not stop, or `none`")
    parser.add_argument("--gpus", type=_gpus, default=(), help="GPU=GIB,... of the pool's inventory, or `none`")
    parser.add_argument("--gpu-driver", type=int, default=0, help="lowest major version of the driver for the bundle")
    parser.add_argument("--gpu-model", default="", help="what every GPU's model must have in its name")
    parser.add_argument("--gpu-limit-s", type=float, default=LIMIT_S, help="how long the driver may take to answer")
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def add_room(parser: argparse.ArgumentParser) -> None:
    """Give a parser the options of `room`."""
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--waive", default="none", help="checks whose findings do not stop, or `none`")


def add_prune(parser: argparse.ArgumentParser) -> None:
    """Give a parser the options of `prune`."""
    parser.add_argument("--keep", action="append", default=[], help="a release that stays; may be repeated")
    parser.add_argument("--check", action="store_true", help="only say what would be removed")
