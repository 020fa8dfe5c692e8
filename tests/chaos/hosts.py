"""Hosts of a site as network namespaces on one bridge: each has an address, a name and process ids of its own."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

NUMBER = os.getpid() % 200
NETWORK = f"10.213.{NUMBER}"
BRIDGE = f"mzbr{NUMBER}"


class Site:
    """A bridge with hosts; the test's own processes are reached at `address`."""

    address = f"{NETWORK}.1"

    def __init__(self) -> None:
        self.names: list[str] = []

    def open(self) -> None:
        ip("link", "add", BRIDGE, "type", "bridge")
        ip("addr", "add", f"{self.address}/24", "dev", BRIDGE)
        ip("link", "set", BRIDGE, "up")

    def add(self, name: str) -> None:
        """Add a host."""
        inside = self._namespace(name)
        ip("netns", "add", inside)
        self.names.append(name)
        ip("link", "add", self._link(name), "type", "veth", "peer", "name", "eth0", "netns", inside)
        ip("-n", inside, "addr", "add", f"{NETWORK}.{len(self.names) + 1}/24", "dev", "eth0")
        for device in ("lo", "eth0"):
            ip("-n", inside, "link", "set", device, "up")
        ip("link", "set", self._link(name), "master", BRIDGE, "up")

    def on(self, name: str, command: Sequence[str]) -> list[str]:
        """Return the command that runs a command on a host."""
        named = f'hostname {name} && exec "$@"'
        return [
            "ip", "netns", "exec", self._namespace(name),
            "unshare", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc",
            "sh", "-c", named, name, *command,
        ]  # fmt: skip

    def cut(self, name: str) -> None:
        """Cut a host off the others."""
        ip("link", "set", self._link(name), "down")

    def mend(self, name: str) -> None:
        """Let a host reach the others again."""
        ip("link", "set", self._link(name), "up")

    def close(self) -> None:
        for name in self.names:
            ip("netns", "del", self._namespace(name))
        ip("link", "del", BRIDGE)

    def _namespace(self, name: str) -> str:
        return f"meeshy-{NUMBER}-{name}"

    def _link(self, name: str) -> str:
        return f"mz{NUMBER}{name}"


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)


@contextmanager
def site() -> Iterator[Site]:
    """Yield a site without hosts; skips at home, and fails in CI, where namespaces cannot be made."""
    made = Site()
    try:
        made.open()
        made.add("east")
        made.add("west")
    except (OSError, subprocess.CalledProcessError) as refused:
        _take_down(made)
        reason = f"network namespaces cannot be made here: {getattr(refused, 'stderr', refused) or refused}"
        if os.environ.get("CI"):
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    try:
        yield made
    finally:
        made.close()


def _take_down(made: Site) -> None:
    if shutil.which("ip"):
        subprocess.run(["ip", "link", "del", BRIDGE], check=False, capture_output=True)
        for name in made.names:
            subprocess.run(["ip", "netns", "del", f"meeshy-{NUMBER}-{name}"], check=False, capture_output=True)
