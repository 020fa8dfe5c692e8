"""Runs a client of the appliance on the machines' bridge."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from appliance.catalog.store import ModelStore
from appliance.settings import Settings
from tests.install.lan import Lan
from tests.install.node import Node

ENDS_S = 630.0


class Client:
    """A program that reaches a machine's edge by TLS, trusts the site's authority alone, and has the first key."""

    def __init__(self, network: Lan, box: Node, folder: Path) -> None:
        self._network, self._url = network, f"https://{box.address}"
        self._key = box.run("cat", "/var/lib/meeshy/data/first_key").stdout.strip()
        self._authority = folder / "ca.pem"
        self._authority.write_text(box.run("cat", "/etc/meeshy/site/authority/ca.pem").stdout)
        self._folder = folder
        self.note = ModelStore(Settings()).require("demo-recording") / "jfk.wav"

    def ask(self, what: str, *words: object) -> Any:
        """Return the answer of talk.py."""
        told = subprocess.run(self._command(what, *words), check=False, capture_output=True, text=True)
        assert told.returncode == 0, told.stderr[-3000:]
        return json.loads(told.stdout)

    @contextmanager
    def flowing(self) -> Iterator[dict[str, dict[str, str]]]:
        """Submit notes all along the block; what was accepted is in the yielded document afterwards."""
        stop, taken = self._folder / "flow-stops", {}
        stop.unlink(missing_ok=True)
        with subprocess.Popen(
            self._command("flow", self.note, stop), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as flow:
            try:
                yield taken
            finally:
                stop.touch()
                out, error = flow.communicate(timeout=ENDS_S)
        assert flow.returncode == 0, error[-3000:]
        taken.update(json.loads(out))

    def _command(self, what: str, *words: object) -> list[Any]:
        program = Path(__file__).with_name("talk.py")
        command = [sys.executable, program, what, self._url, self._authority, self._key, *map(str, words)]
        return self._network.inside(command)
