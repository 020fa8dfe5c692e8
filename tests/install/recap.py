"""What ansible-playbook said at its end."""

import re

LINE = re.compile(r"^(\S+)\s+: ok=(\d+)\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)", re.MULTILINE)


def changes(output: str) -> dict[str, int]:
    """Return how many tasks changed something, by machine; AssertionError where one failed or there is no recap."""
    rows = LINE.findall(output.rpartition("PLAY RECAP")[2])
    assert rows, output[-3000:]
    assert all(unreachable == failed == "0" for _, _, _, unreachable, failed in rows), output[-6000:]
    return {name: int(changed) for name, _, changed, _, _ in rows}


def changed_tasks(output: str) -> list[str]:
    """Return the names of the tasks that changed something."""
    found, task = [], ""
    for line in output.splitlines():
        if match := re.match(r"(?:TASK|RUNNING HANDLER) \[(.+)\]", line):
            task = match[1]
        elif line.startswith("changed:"):
            found.append(task)
    return found
