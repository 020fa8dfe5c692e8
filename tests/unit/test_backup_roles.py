"""What the order of tasks promises: a restore judges before it changes, a backup begins with the database."""

from collections.abc import Iterator
from pathlib import Path

import yaml

ROLES = Path(__file__).resolve().parents[2] / "ansible" / "roles"
LOOKS = {f"ansible.builtin.{name}" for name in ("stat", "slurp", "find", "assert", "set_fact", "ping")}
"""Modules that change nothing."""


def tasks(role: str, file: str) -> Iterator[dict]:
    """Yield the tasks of a file, those of its blocks too."""
    waiting = yaml.safe_load((ROLES / role / "tasks" / file).read_text())
    while waiting:
        task = waiting.pop(0)
        waiting = task.get("block", []) + task.get("always", []) + waiting
        if "block" not in task:
            yield task


def included(role: str) -> list[str]:
    return [task["ansible.builtin.include_tasks"] for task in tasks(role, "main.yml")]


def test_a_restore_judges_and_decrypts_everything_before_it_changes_anything():
    assert included("restore") == ["judge.yml", "database.yml", "swap.yml", "start.yml"]
    judging = list(tasks("restore", "judge.yml"))
    changing = [task for task in judging if not LOOKS & task.keys() and task.get("changed_when") is not False]

    assert [task["name"] for task in changing] == ["Install what decrypts"]
    assert any("> /dev/null" in task.get("ansible.builtin.shell", {}).get("cmd", "") for task in judging)


def test_a_restore_erases_again_before_anybody_is_served_and_spares_before_housekeeping_comes():
    names = [task["name"] for task in tasks("restore", "start.yml")]

    assert names[-3:] == [
        "Have objects that the backup does not know stay for a day", "Erase again what was erased since",
        "Start everything",
    ]  # fmt: skip


def test_a_backup_copies_the_database_before_the_objects_and_every_piece_through_age():
    pieces = yaml.safe_load((ROLES / "backup/vars/main.yml").read_text())["backup_pieces"]
    names = [piece["name"] for piece in pieces]
    (writing,) = [task for task in tasks("backup", "main.yml") if "ansible.builtin.shell" in task]

    assert names.index("database.dump.age") < names.index("objects.tar.age")
    assert all(name.endswith(".age") for name in names)
    assert "{{ item.command }} | age --encrypt" in writing["ansible.builtin.shell"]["cmd"]


def test_housekeeping_goes_on_whatever_became_of_a_backup():
    (block,) = [task for task in yaml.safe_load((ROLES / "backup/tasks/main.yml").read_text()) if "block" in task]

    rest = {"name": "meeshy-housekeeping.service", "state": "stopped"}
    _, killed, first = block["block"][:3]
    assert killed["ansible.builtin.command"]["argv"][-3:] == ["systemctl", "start", rest["name"]]
    assert first["ansible.builtin.systemd_service"] == rest
    assert block["block"][-1]["ansible.builtin.command"]["argv"][:2] == ["systemctl", "is-active"]
    after = block["always"][0]
    assert after["ansible.builtin.systemd_service"] == rest | {"state": "started"}
