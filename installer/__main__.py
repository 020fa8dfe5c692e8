"""`python3 -m installer`: judge, unpack and install bundles on a machine that has nothing but Python."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from installer.bundle.folder import verify_folder
from installer.bundle.host import this_host
from installer.bundle.inspect import described, front_of, front_of_stream
from installer.bundle.installed import DEFAULT_FILE as INSTALLED
from installer.bundle.installed import read_installed
from installer.bundle.join import join
from installer.bundle.keys import DEFAULT_FILE as KEYS
from installer.bundle.keys import read_keys
from installer.bundle.parts import check_part, is_part
from installer.bundle.refusal import BundleRefused
from installer.bundle.unpack import unpack
from installer.bundle.verify import Site, verify_file
from installer.target.commands import (
    add_environment,
    add_preflight,
    add_prune,
    add_room,
    run_environment,
    run_preflight,
    run_prune,
    run_room,
)
from installer.target.failure import TargetFailed
from installer.target.gate import add_trial, add_workers, run_trial_command, run_workers
from installer.target.support.command import add_support, run_support

Command = Callable[[argparse.Namespace], None]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; 0: done, 1: refused or failed, with one line on standard error, 2: the command line was wrong."""
    chosen = _parser().parse_args(arguments)
    try:
        chosen.run(chosen)
    except BundleRefused as refusal:
        sys.stderr.write(f"refused {refusal}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"failed: {error.filename or ''} {error.strerror or error}\n")
        return 1
    except TargetFailed as failure:
        sys.stderr.write(f"failed: {failure}\n")
        return 1
    return 0


def verify_at(path: Path, site: Site, say: Callable[[str], None]) -> None:
    """Judge a bundle, a folder that one was unpacked to, or a part of one."""
    if path.is_dir():
        verify_folder(path, site, say)
    elif is_part(path):
        header = check_part(path)
        say(f"part {header.number} of {header.parts} is whole; its bundle is judged once the parts are joined")
    else:
        verify_file(path, site, say)


def _verify(chosen: argparse.Namespace) -> None:
    verify_at(chosen.bundle, _site(chosen), _say)


def _unpack(chosen: argparse.Namespace) -> None:
    unpack(chosen.bundle, chosen.to, _site(chosen), _say)


def _join(chosen: argparse.Namespace) -> None:
    join(chosen.parts, chosen.to, _say)


def _inspect(chosen: argparse.Namespace) -> None:
    front = front_of_stream(sys.stdin.buffer) if str(chosen.bundle) == "-" else front_of(chosen.bundle)
    about, lines = described(front, read_keys(chosen.keys) if chosen.keys.exists() else {})
    _say(about.encoded().decode().rstrip() if chosen.json else "\n".join(lines))


def _site(chosen: argparse.Namespace) -> Site:
    host = None if chosen.any_machine else this_host()
    return Site(read_keys(chosen.keys), read_installed(chosen.installed), host)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 -m installer", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    judged = argparse.ArgumentParser(add_help=False)
    judged.add_argument("--keys", type=Path, default=KEYS, help=f"file of trusted keys (default: {KEYS})")
    judged.add_argument("--installed", type=Path, default=INSTALLED, help=f"what is installed (default: {INSTALLED})")
    judged.add_argument("--any-machine", action="store_true", help="do not compare with this machine")

    def command(name: str, run: Command, text: str, *, judge: bool = False) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text, parents=[judged] if judge else [])
        added.set_defaults(run=run)
        return added

    one = command("verify", _verify, "judge a bundle, an unpacked folder or a part; change nothing", judge=True)
    one.add_argument("bundle", type=Path)
    one = command("unpack", _unpack, "verify a bundle and put its files into a folder", judge=True)
    one.add_argument("bundle", type=Path)
    one.add_argument("--to", type=Path, required=True, help="folder to make")
    one = command("join", _join, "put parts together; may be called once per medium")
    one.add_argument("parts", type=Path, nargs="+")
    one.add_argument("--to", type=Path, required=True, help="bundle to write")
    one = command("inspect", _inspect, "tell what a bundle, a first part, a pipe (-) or an unpacked folder is")
    one.add_argument("bundle", type=Path)
    one.add_argument("--keys", type=Path, default=KEYS, help=f"file of trusted keys (default: {KEYS})")
    one.add_argument("--json", action="store_true", help="print bundle.json")
    add_environment(command("environment", run_environment, "make a virtual environment from an unpacked bundle"))
    add_preflight(command("preflight", run_preflight, "judge this machine; change nothing, tell everything at once"))
    add_room(command("room", run_room, "judge whether a bundle can be unpacked here; change nothing"))
    add_trial(command("trial", run_trial_command, "have a note translated through the edge, as a client would"))
    add_workers(command("workers", run_workers, "wait until the workers that this machine owes work"))
    add_prune(command("prune", run_prune, "remove what belongs to other releases than those to be kept"))
    add_support(command("support", run_support, "write a support bundle: how this machine is, without secrets"))
    return parser


if __name__ == "__main__":
    sys.exit(main())
