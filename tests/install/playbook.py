"""The one command, and what ansible-playbook said in the end."""

import re
import subprocess

from tests.install.media import Medium
from tests.install.node import Node

INSTALL_S = 1500.0

LINE = re.compile(r"^(\S+)\s+: ok=(\d+)\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)", re.MULTILINE)


def install(box: Node, medium: Medium, *options: str) -> str:
    """Install from the medium and return what was printed; AssertionError where it fails."""
    return box.run("sh", medium.script, medium.bundle, *options, limit_s=INSTALL_S).stdout


def refused(box: Node, medium: Medium, *options: str) -> subprocess.CompletedProcess[str]:
    """Install from the medium and return what was told; AssertionError where it succeeds."""
    told = box.run("sh", medium.script, medium.bundle, *options, check=False, limit_s=INSTALL_S)
    assert told.returncode != 0, told.stdout[-3000:]
    return told


def changes(output: str) -> dict[str, int]:
    """Return how many tasks changed something, by machine; AssertionError where one failed or there is no recap."""
    rows = LINE.findall(output.rpartition("PLAY RECAP")[2])
    assert rows, output[-3000:]
    assert all(unreachable == failed == "0" for _, _, _, unreachable, failed in rows), output[-6000:]
    return {name: int(changed) for name, _, changed, _, _ in rows if name != "localhost"}


def changed_tasks(output: str) -> list[str]:
    """Return the names of the tasks that changed something."""
    found, task = [], ""
    for line in output.splitlines():
        if match := re.match(r"(?:TASK|RUNNING HANDLER) \[(.+)\]", line):
            task = match[1]
        elif line.startswith("changed:") and task not in found:  # a loop has a line for each of its items
            found.append(task)
    return found
