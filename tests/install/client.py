"""Runs a client of the appliance on the machines' bridge."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from appliance.catalog.store import ModelStore
from appliance.settings import Settings
from tests.install.lan import Lan
from tests.install.node import Node


class Client:
    """A program that reaches a machine's edge by TLS, trusts the site's authority alone, and has the first key."""

    def __init__(self, network: Lan, box: Node, folder: Path) -> None:
        self._network, self._url = network, f"https://{box.address}"
        self._key = box.run("cat", "/var/lib/meeshy/data/first_key").stdout.strip()
        self._authority = folder / "ca.pem"
        self._authority.write_text(box.run("cat", "/etc/meeshy/site/authority/ca.pem").stdout)
        self.note = ModelStore(Settings()).require("demo-recording") / "jfk.wav"

    def ask(self, what: str, *words: object) -> Any:
        """Return the answer of talk.py."""
        program = Path(__file__).with_name("talk.py")
        command = [sys.executable, program, what, self._url, self._authority, self._key, *map(str, words)]
        told = subprocess.run(self._network.inside(command), check=False, capture_output=True, text=True)
        assert told.returncode == 0, told.stderr[-3000:]
        return json.loads(told.stdout)
