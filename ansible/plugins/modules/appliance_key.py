#!/usr/bin/python
"""Has a file on a machine with an API key of the appliance that works."""

from pathlib import Path

from ansible.module_utils.appliance_keys import make_key, why_anew
from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
---
module: appliance_key
short_description: Has a file with an API key of the appliance that works
description:
  - Shows the key in O(file) to the appliance. Where there is none, or it is refused or has another role, makes another
    and revokes the application's others. The key is in no argument, no output and no log.
options:
  application:
    description: Name of the application that the key is for; nothing else may use it.
    type: str
    required: true
  formerly:
    description: Names that releases before gave this application; keys of these are revoked with its former ones.
    type: list
    elements: str
    default: []
  role:
    description: What it may do.
    type: str
    choices: [app, viewer, operator, admin]
    required: true
  file:
    description: Where it lies, for root alone.
    type: path
    required: true
  url:
    description: Where the appliance answers on this machine.
    type: str
    required: true
  command:
    description: The appliance's command line.
    type: path
    default: /usr/local/sbin/meeshy
author:
  - Meeshy
"""

EXAMPLES = r"""
- name: Have a key that looks
  appliance_key:
    application: console of head
    role: viewer
    file: /etc/meeshy/credentials/console_key
    url: http://127.0.0.1:8750
"""

RETURN = r"""
reason:
  description: Why the key was made anew; empty where it was left alone.
  type: str
  returned: always
"""


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "application": {"type": "str", "required": True},
            "formerly": {"type": "list", "elements": "str", "default": []},
            "role": {"type": "str", "choices": ["app", "viewer", "operator", "admin"], "required": True},
            "file": {"type": "path", "required": True, "no_log": False},
            "url": {"type": "str", "required": True},
            "command": {"type": "path", "default": "/usr/local/sbin/meeshy"},
        },
        supports_check_mode=True,
    )
    given = module.params

    def run(words: list[str]) -> str:
        code, out, error = module.run_command([given["command"], *words])
        if code != 0:
            module.fail_json(msg=f"meeshy {' '.join(words[:2])}: {error.strip()}")
        return str(out)

    file = Path(given["file"])
    try:
        reason = why_anew(file, given["role"], given["url"])
        if reason and not module.check_mode:
            make_key(file, given["application"], given["role"], run, given["formerly"])
    except (OSError, ValueError, KeyError) as failure:
        module.fail_json(msg=f"The appliance at {given['url']} did not tell whether it knows the key: {failure}")
    module.exit_json(changed=bool(reason), reason=reason)


if __name__ == "__main__":
    main()
