"""A machine whose inventory asks for everything that is optional, and the ways to look at it."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.install.client import Client
from tests.install.lan import Lan
from tests.install.media import Medium
from tests.install.node import Node, node
from tests.install.playbook import install

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "ansible/inventories/example-single"
INVENTORY = "etc/meeshy/inventory"
PATIENCE_S = 30.0
OPTIONS = {
    "console_role": "viewer",
    "monitoring_host": "appliance",
    "application_settings": {"metrics_port": "9110"},
    "edge_largest_request": "5m",
    "edge_requests_per_s": 20,
    "edge_burst": 60,
}


class Rich:
    """The machine, installed, with a client of it and the key of somebody who may see its console."""

    def __init__(self, box: Node, network: Lan, medium: Medium, folder: Path) -> None:
        self.box, self._network, self._medium, self._folder = box, network, medium, folder
        self.ssh_key = folder / "console_key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.ssh_key], check=True)
        self.options = OPTIONS | {"console_keys": [self.ssh_key.with_suffix(".pub").read_text().strip()]}
        self.write_inventory()
        self.output = self.install()
        self.client = Client(network, box, folder)

    def write_inventory(self) -> None:
        """Write the shipped example with the options beside it."""
        folder = self.box.root / INVENTORY
        (folder / "group_vars").mkdir(parents=True, exist_ok=True)
        (folder / "hosts.yml").write_text((EXAMPLE / "hosts.yml").read_text())
        (folder / "group_vars/all.yml").write_text(yaml.safe_dump(self.options))

    def install(self, *words: str) -> str:
        """Run install.sh and return what it printed."""
        return install(self.box, self._medium, *words)

    def inside(self, *command: str | Path) -> list[Any]:
        """Return the words that run a command beside the machine."""
        return self._network.inside(command)

    def ask(self, *requests: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the answers to requests."""
        ran = subprocess.run(self._probe(requests, "once"), check=False, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stderr[-3000:]
        return json.loads(ran.stdout)

    def while_asked(self, requests: Sequence[dict[str, Any]], act: Callable[[], Any]) -> tuple[Any, dict[str, int]]:
        """Return what an act returned, and how often which status was answered as long as it took."""
        pipe = subprocess.PIPE
        with subprocess.Popen(self._probe(requests, "on"), stdin=pipe, stdout=pipe, stderr=pipe, text=True) as asking:
            try:
                done = act()
            finally:
                out, error = asking.communicate()
        assert asking.returncode == 0, error[-3000:]
        return done, json.loads(out)

    def _probe(self, requests: Sequence[dict[str, Any]], how: str) -> list[Any]:
        program, url = Path(__file__).with_name("probe.py"), f"https://{self.box.address}"
        return self.inside(sys.executable, program, url, self._folder / "ca.pem", json.dumps(requests), how)

    def key(self, application: str, *options: str) -> str:
        """Return a new key of the appliance."""
        made = self.box.run("/usr/local/sbin/meeshy", "keys", "create", application, *options, "--json")
        return json.loads(made.stdout)["key"]


def eventually(check: Callable[[], bool], patience_s: float = PATIENCE_S) -> bool:
    """Return whether a check passes in the end."""
    deadline_s = time.monotonic() + patience_s
    while not check() and time.monotonic() < deadline_s:
        time.sleep(0.2)
    return check()


@contextmanager
def rich_machine(archive: Path, medium: Medium, network: Lan, place: Path) -> Iterator[Rich]:
    """Boot a machine and install on it with all options."""
    folder = place / "rich"
    folder.mkdir()
    with node("rich", 41, network, archive, folder, [f"{medium.folder}:{medium.inside}"]) as box:
        box.run("install", "-D", "--mode=0644", f"{medium.inside}/bundle-keys", "/etc/meeshy/bundle-keys")
        yield Rich(box, network, medium, folder)
