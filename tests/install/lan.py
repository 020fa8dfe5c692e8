"""A bridge in a network namespace of its own: machines on it reach each other, and nothing else exists for them."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

NUMBER = os.getpid() % 250
NETWORK = f"10.219.{NUMBER}"
GATEWAY = f"{NETWORK}.1"
"""The bridge's own address: machines have it as their gateway and name server, so that every try to get out is seen."""
BRIDGE = "meeshy0"
LET_OUT = "198.51.100.7"
"""Nobody's address (RFC 5737), to which a test lets a machine send, to see that it is seen."""


class Lan:
    """The bridge, the words that run a command beside it, and what was seen on it."""

    def __init__(self, folder: Path) -> None:
        self.namespace = f"meeshy-install-{NUMBER}"
        self._seen = folder / "seen.jsonl"
        self._watcher: subprocess.Popen[bytes] | None = None

    def inside(self, command: Sequence[str | os.PathLike[str]]) -> list[str | os.PathLike[str]]:
        """Return the command that runs a command in the bridge's namespace."""
        # `ip netns exec` would also mount another /sys, in which the containers' program finds no control groups.
        return ["nsenter", f"--net=/run/netns/{self.namespace}", "--", *command]

    def open(self) -> None:
        """Make it and begin to watch."""
        _ip("netns", "add", self.namespace)
        for words in (
            ["link", "set", "lo", "up"],
            ["link", "add", BRIDGE, "type", "bridge"],
            ["addr", "add", f"{GATEWAY}/24", "dev", BRIDGE],
            ["link", "set", BRIDGE, "up"],
        ):
            _ip("-n", self.namespace, *words)
        command = [sys.executable, Path(__file__).with_name("watcher.py"), BRIDGE, GATEWAY, self._seen]
        self._watcher = subprocess.Popen(self.inside(command), stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
        assert self._watcher.stdout is not None
        assert self._watcher.stdout.readline() == b"watching\n"

    def ways_out(self) -> list[dict[str, str]]:
        """Return every frame so far that was meant for beyond the bridge, and requests to its gateway.

        Without what a test sent to LET_OUT to see that it would be seen: all tests of a process share the bridge.
        """
        return [frame for frame in self._seen_so_far() if frame["target"] != LET_OUT]

    def let_out(self) -> list[dict[str, str]]:
        """Return every frame so far that was let out on purpose."""
        return [frame for frame in self._seen_so_far() if frame["target"] == LET_OUT]

    def _seen_so_far(self) -> list[dict[str, str]]:
        assert self._watcher is not None
        assert self._watcher.poll() is None, "nobody watched"
        return [json.loads(line) for line in self._seen.read_text().splitlines()]

    def close(self) -> None:
        """Take everything down."""
        if self._watcher is not None:
            self._watcher.send_signal(signal.SIGTERM)
            self._watcher.wait()
            assert self._watcher.stdout is not None
            self._watcher.stdout.close()
        _ip("netns", "del", self.namespace)


@contextmanager
def lan(folder: Path) -> Iterator[Lan]:
    """Yield a bridge, out of which nothing may want to go; CalledProcessError or OSError where none can be made."""
    made = Lan(folder)
    try:
        made.open()
        yield made
        assert made.ways_out() == [], "packets were meant for beyond the bridge"
    finally:
        made.close()


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)
