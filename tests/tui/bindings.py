"""Every binding that the console declares, with the class that declares it."""

import importlib
import pkgutil
from collections.abc import Iterator

from textual.binding import Binding
from textual.dom import DOMNode

import tui
from tui.screens.picture import ACTING


def own_bindings() -> Iterator[tuple[type, Binding]]:
    """Yield the bindings that classes of the console declare themselves, one per key."""
    seen: set[type] = set()
    for module in pkgutil.walk_packages(tui.__path__, "tui."):
        if module.name == "tui.__main__":
            continue
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, type) and issubclass(value, DOMNode) and value.__module__.startswith("tui."):
                seen.add(value)
    for owner in sorted(seen, key=lambda each: each.__qualname__):
        for binding in Binding.make_bindings(vars(owner).get("BINDINGS", [])):
            yield owner, binding


def acting_bindings() -> list[tuple[str, str]]:
    """Return key and description of what changes the appliance."""
    found = {(binding.key, binding.description) for _, binding in own_bindings() if binding.action in ACTING}
    return sorted(found)
