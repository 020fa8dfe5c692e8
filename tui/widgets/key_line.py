"""The keys at the bottom: where a terminal is too narrow for all, the least important go whole, none is cut."""

from collections.abc import Iterable

from textual.app import ComposeResult
from textual.binding import Binding
from textual.widgets import Footer
from textual.widgets._footer import FooterKey

SCREENS = Binding.Group("Screens", compact=True)
"""What keys of screens stand under, together: they go together too."""
SPARE = ("command_palette", "freeze", "filter", "back", SCREENS.description)
"""Actions whose keys go first, in this order; then those of the screen, the last of them first."""
LAST_TO_GO = "quit"
STAYS = "help"
"""`?` tells them all."""


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
        self.set_class(SCREENS.description in left_out, "-without-screens")
        for widget in super().compose():
            if not (isinstance(widget, FooterKey) and widget.action in left_out):
                yield widget

    def on_resize(self) -> None:
        """Lay out anew at another width."""
        if self._drawn_columns not in (0, self.size.width):
            self.call_after_refresh(self.recompose)

    def _columns_of(self, bindings: Iterable[Binding]) -> dict[str, int]:
        """Return the columns that each action takes, and each group by its description; the space after included."""
        columns: dict[str, int] = {}
        for binding in bindings:
            key = len(self.app.get_key_display(binding))
            if binding.group is None:
                columns[binding.action] = key + len(binding.description) + 2
            else:
                name = binding.group.description
                columns[name] = columns.get(name, len(name) + 3) + key
        return columns


def left_out_within(columns: dict[str, int], width: int) -> set[str]:
    """Return the actions that go, and groups by their descriptions, so that the rest fits into this width."""
    left_out: set[str] = set()
    own = [name for name in columns if name not in (*SPARE, LAST_TO_GO, STAYS)]
    for action in filter(columns.__contains__, (*SPARE, *reversed(own), LAST_TO_GO)):
        if sum(size for name, size in columns.items() if name not in left_out) <= width + 1:
            break
        left_out.add(action)
    return left_out
