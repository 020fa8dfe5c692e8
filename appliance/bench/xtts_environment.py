"""Running one of our files under the interpreter of XTTS's environment, talked to in lines of JSON."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from appliance.catalog.catalog import CHECKOUT
from appliance.engines.xtts_link import environment
from appliance.errors import CommandFailed, ModelMissing
from appliance.settings import Settings
from appliance.workers.assembly import xtts_python

_BOOT = "import sys, runpy; sys.path.insert(0, sys.argv.pop(1)); runpy.run_path(sys.argv.pop(1), run_name='__main__')"


class LineProcess:
    """A process that answers each line with a line."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def ask(self, question: dict[str, Any]) -> dict[str, Any]:
        """Return the answer to one question, CommandFailed where the process has ended."""
        if self._process.stdin is None:
            raise TypeError("the process needs both pipes")
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return self.next()

    def next(self) -> dict[str, Any]:
        """Return what the process says next."""
        if self._process.stdout is None:
            raise TypeError("the process needs both pipes")
        line = self._process.stdout.readline()
        if not line:
            raise CommandFailed("The process in XTTS's environment ended; its reason is above.")
        return json.loads(line)


@contextmanager
def in_environment(settings: Settings, file: Path, *arguments: str, threads: int = 0) -> Iterator[LineProcess]:
    """Run a file under XTTS's interpreter for the length of the block; ModelMissing where that is not installed."""
    process = subprocess.Popen(
        _command(settings, file, *arguments),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment(threads),
    )  # fmt: skip
    try:
        yield LineProcess(process)
    finally:
        if process.stdin is not None:
            process.stdin.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def write_toy(settings: Settings, folder: Path, most_codes: int) -> None:
    """Write a checkpoint of two layers with random weights that takes so many codes for everything."""
    command = _command(settings, CHECKOUT / "appliance/testing/toy_xtts.py", str(folder), str(most_codes))
    done = subprocess.run(command, env=environment(0), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        reason = (done.stderr.strip() or "no reason given").splitlines()[-1]
        raise CommandFailed(f"The small checkpoint could not be written: {reason}")


def _command(settings: Settings, file: Path, *arguments: str) -> list[str]:
    interpreter = xtts_python(settings)
    if not interpreter.is_file():
        raise ModelMissing("The environment of XTTS is not installed; run ./meeshy xtts install.")
    return [str(interpreter), "-I", "-c", _BOOT, str(CHECKOUT), str(file), *arguments]
