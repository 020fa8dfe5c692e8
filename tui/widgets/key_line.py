"""The keys at the bottom: where a terminal is too narrow for all, the least important go whole, none is cut."""

from collections.abc import Iterable

from textual.app import ComposeResult
from textual.binding import Binding
from textual.widgets import Footer
from textual.widgets._footer import FooterKey

SPARE = ("command_palette", "freeze", "filter")
"""Actions whose keys go first, in this order; `?` tells them all."""


class KeyLine(Footer):
    """Textual's footer, in which every key that is shown is shown whole."""

    def __init__(self) -> None:
        """Begin compact, without a place of its own for the palette."""
        super().__init__(compact=True, show_command_palette=False)
        self._drawn_columns = 0

    def compose(self) -> ComposeResult:
        """Lay out the keys that there is room for."""
        self._drawn_columns = self.size.width
        shown = [binding for _, binding, _, _ in self.screen.active_bindings.values() if binding.show]
        left_out = left_out_within(self._columns_of(shown), self.size.width)
        for widget in super().compose():
            if not (isinstance(widget, FooterKey) and widget.action in left_out):
                yield widget

    def on_resize(self) -> None:
        """Lay out anew at another width."""
        if self._drawn_columns not in (0, self.size.width):
            self.call_after_refresh(self.recompose)

    def _columns_of(self, bindings: Iterable[Binding]) -> dict[str, int]:
        """Return the columns that each action takes, the space after it included; a group shares one description."""
        columns: dict[str, int] = {}
        for binding in bindings:
            key = len(self.app.get_key_display(binding))
            if binding.group is None:
                columns[binding.action] = key + len(binding.description) + 2
            else:
                columns[binding.action] = key
                columns[binding.group.description] = len(binding.group.description) + 3
        return columns


def left_out_within(columns: dict[str, int], width: int) -> set[str]:
    """Return the actions that go, so that the rest fits into this width as far as it can."""
    left_out: set[str] = set()
    for action in SPARE:
        if sum(size for name, size in columns.items() if name not in left_out) <= width + 1:
            break
        left_out.add(action)
    return left_out
