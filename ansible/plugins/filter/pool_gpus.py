"""Tells preflight which GPUs a pool's inventory names."""

import tomllib
from collections.abc import Callable

DOCUMENTATION = r"""
---
name: pool_gpus
short_description: GPUs that a pool's inventory names
description:
  - Returns each GPU's number or MIG instance's UUID with its memory in GiB, as preflight takes them.
  - A text without a GPU, and an empty one, gives C(none).
options:
  _input:
    description: The inventory, as workers_inventory has it.
    type: str
    required: true
author:
  - Meeshy
"""

EXAMPLES = r"""
- name: Show the GPUs
  ansible.builtin.debug:
    msg: "{{ workers_inventory | pool_gpus }}"
"""

RETURN = r"""
_value:
  description: Such as C(0=40,1=40).
  type: str
"""


def pool_gpus(inventory: str) -> str:
    """Return `0=40,MIG-…=20` of an inventory's text, `none` where it names no GPU; ValueError where it is none."""
    try:
        devices = tomllib.loads(inventory).get("device", [])
        found = [f"{each['gpu']}={each['memory_gib']}" for each in devices if "gpu" in each]
    except (tomllib.TOMLDecodeError, KeyError, TypeError, AttributeError) as wrong:
        raise ValueError(f"The pool's inventory cannot be read: {wrong!r}") from wrong
    return ",".join(found) or "none"


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[[str], str]]:
        """Return the filters by their names."""
        return {"pool_gpus": pool_gpus}
