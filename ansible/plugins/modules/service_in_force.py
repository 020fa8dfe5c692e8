#!/usr/bin/python
"""Has a unit run with what lies on the disk now, whether this run wrote it or one that was interrupted."""

import os
import time
from dataclasses import replace
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.in_force import PROPERTIES, Unit, judge, parse_unit, unread

DOCUMENTATION = r"""
---
module: service_in_force
short_description: Has a unit run with what lies on the disk now
description:
  - Starts a unit that does not run, restarts or reloads one that was started before its files were changed, and reads
    units anew where systemd has not.
  - It compares times, not what this run has changed. So the next run mends what an interrupted one left, and no
    handler is needed. Call it after all tasks that write O(files).
options:
  unit:
    description: Name of the unit, with its suffix.
    type: str
    required: true
  files:
    description:
      - Files that its program reads, of folders also what is directly in them. The unit's own files and drop-ins
        always count and need not be named. What does not exist counts for nothing.
    type: list
    elements: path
    default: []
  reload:
    description:
      - Reload the unit where O(files) are newer than its start and its last reload by this module. Where its own
        files are newer it is restarted all the same.
    type: bool
    default: false
  state:
    description: C(started) starts a unit that does not run, C(as_found) leaves it.
    type: str
    choices: [started, as_found]
    default: started
  enabled:
    description: Whether it starts with the machine; left as it is where this is not given.
    type: bool
author:
  - Meeshy
"""

EXAMPLES = r"""
- name: Run Redis with its configuration, now and with the machine
  service_in_force:
    unit: redis-server@meeshy.service
    files: [/etc/redis/redis-meeshy.conf]
    enabled: true

- name: Let nginx show the certificate
  service_in_force:
    unit: nginx.service
    files: [/etc/meeshy/tls/node.pem]
    reload: true
"""

RETURN = r"""
action:
  description: What was done, or would be in check mode. One of nothing, start, restart, reload.
  type: str
  returned: always
reason:
  description: Why; empty where nothing was.
  type: str
  returned: always
"""

LINES = 10
"""Of the journal, shown where systemd refuses."""
RELOADED = Path("/run/meeshy-reloaded")
"""A file for each unit, as old as its last reload by this module; gone with the boot, as the unit's process is."""


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "unit": {"type": "str", "required": True},
            "files": {"type": "list", "elements": "path", "default": []},
            "reload": {"type": "bool", "default": False},
            "state": {"type": "str", "choices": ["started", "as_found"], "default": "started"},
            "enabled": {"type": "bool"},
        },
        supports_check_mode=True,
    )
    try:
        module.exit_json(**_bring(module))
    except SystemdRefused as refusal:
        module.fail_json(msg=str(refusal))


class SystemdRefused(Exception):
    """systemctl ended with an error."""


def _bring(module: AnsibleModule) -> dict[str, object]:
    """Do what is needed, in check mode nothing, and return it."""
    name, stamp = module.params["unit"], RELOADED / module.params["unit"]
    unit = _shown(module, name)
    changed = unit.read_before_change or bool(unread(name, unit.own_files))
    if (changed or not unit.known) and not module.check_mode:
        _systemctl(module, "daemon-reload")  # also for one that was written since systemd looked for it last
        unit = _shown(module, name)
    unit = replace(unit, read_before_change=changed)
    act = judge(
        unit,
        module.params["files"],
        reloads=module.params["reload"],
        reloaded_s=stamp.stat().st_mtime if stamp.exists() else 0.0,
        start=module.params["state"] == "started",
    )
    enabled = module.params["enabled"]
    switch = unit.known and enabled is not None and enabled != unit.enabled
    if not module.check_mode:
        if switch:
            _systemctl(module, "enable" if enabled else "disable", name)
        _carry_out(module, act.verb, name, stamp, unit)
    return {"changed": switch or act.verb != "nothing", "action": act.verb, "reason": act.reason}


def _carry_out(module: AnsibleModule, verb: str, name: str, stamp: Path, unit: Unit) -> None:
    if verb == "nothing":
        return
    if unit.failed:
        _systemctl(module, "reset-failed", name)  # a unit that failed too often is not started again without it
    looked_s = time.time()  # before it: what is written while the program reads counts as not read
    try:
        _systemctl(module, verb, name)
    except SystemdRefused as refusal:
        raise SystemdRefused(f"{refusal}\n{_journal(module, name, looked_s)}") from refusal
    if not _shown(module, name).runs:  # units may hide that their program did not start
        raise SystemdRefused(f"{name} does not run after its {verb}.\n{_journal(module, name, looked_s)}")
    if verb == "reload":
        RELOADED.mkdir(exist_ok=True)
        stamp.touch()
        os.utime(stamp, (looked_s, looked_s))


def _journal(module: AnsibleModule, name: str, since_s: float) -> str:
    """Return the last that the unit and systemd said of it, for whoever reads why the playbook stopped."""
    command = ["journalctl", "--quiet", "--no-pager", "--output=cat", f"--lines={LINES}"]
    which = [f"--since=@{int(since_s)}", f"--unit={name}"]
    _, out, error = module.run_command([*command, *which], environ_update={"LC_ALL": "C.UTF-8"})
    return (out or error).strip()


def _shown(module: AnsibleModule, name: str) -> Unit:
    shown = _systemctl(module, "show", "--timestamp=us+utc", f"--property={','.join(PROPERTIES)}", name)
    return parse_unit(shown, time.time(), time.monotonic())


def _systemctl(module: AnsibleModule, *words: str) -> str:
    code, out, error = module.run_command(["systemctl", *words], environ_update={"LC_ALL": "C.UTF-8"})
    if code != 0:
        raise SystemdRefused(f"systemctl {' '.join(words)}: {error.strip() or out.strip()}")
    return str(out)


if __name__ == "__main__":
    main()
