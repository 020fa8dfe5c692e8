#!/usr/bin/python
"""Signs a machine's certificate with the site's own authority, and makes both where they are missing."""

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.site_authority import authority_ends_soon, ensure_certificate

DOCUMENTATION = r"""
---
module: site_certificate
short_description: Signs a machine's certificate with the site's own authority
description:
  - Makes the authority in O(folder) where there is none, and a key and certificate for O(name).
  - What is valid for 30 days more, for at least O(names), and signed by this authority, is left alone.
options:
  folder:
    description: Folder of the authority; made readable for its owner only.
    type: path
    required: true
  name:
    description: Name of the machine; the files are called after it.
    type: str
    required: true
  names:
    description: DNS names and addresses that the certificate is for.
    type: list
    elements: str
    required: true
  days:
    description: Days that a new certificate is valid, at most as long as the authority.
    type: int
    default: 397
author:
  - Meeshy
"""

EXAMPLES = r"""
- name: Sign a certificate
  site_certificate:
    folder: /etc/meeshy/site/authority
    name: head
    names: [head, 10.0.0.10]
  delegate_to: localhost
"""

RETURN = r"""
reason:
  description: Why the certificate was made anew; empty where it was left alone.
  type: str
  returned: always
"""


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "folder": {"type": "path", "required": True},
            "name": {"type": "str", "required": True},
            "names": {"type": "list", "elements": "str", "required": True},
            "days": {"type": "int", "default": 397},
        },
        supports_check_mode=True,
    )
    given = module.params
    try:
        reason = ensure_certificate(
            given["folder"], given["name"], given["names"], given["days"], write=not module.check_mode
        )
    except (OSError, ValueError) as error:
        module.fail_json(msg=f"The site's authority in {given['folder']}: {error}")
    if warning := authority_ends_soon(given["folder"]):
        module.warn(warning)
    module.exit_json(changed=bool(reason), reason=reason)


if __name__ == "__main__":
    main()
