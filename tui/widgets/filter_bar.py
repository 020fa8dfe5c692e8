"""The field under a table that narrows its rows while one types."""

from collections.abc import Callable
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input


class FilterBar(Input):
    """Hidden until `/`; Enter keeps the filter, Esc takes it away."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "clear", "Clear filter"),
        # Before the field sees it: keys that follow at once are for the table, and no letters.
        Binding("enter", "keep", "Keep filter", show=False, priority=True),
    ]

    class Narrowed(Message):
        """Another pattern; empty when the filter was taken away."""

        def __init__(self, pattern: str) -> None:
            """Take the pattern."""
            super().__init__()
            self.pattern = pattern

    def __init__(self, leave: Callable[[], None]) -> None:
        """Begin hidden; `leave` gives the keys back to the table."""
        super().__init__(placeholder="filter, ! inverts", id="filter", compact=True)
        self.leave = leave
        self.display = False

    def open(self) -> None:
        """Show the field and type into it."""
        self.display = True
        # At once, not after what waits: the next keys of somebody who types fast belong here.
        self.screen.set_focus(self)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Narrow at every key."""
        event.stop()
        # Letters typed just before Enter may come after it.
        self.display = self.display or bool(event.value.strip())
        self.post_message(self.Narrowed(event.value.strip()))

    def action_keep(self) -> None:
        """Keep the filter, and give the keys back at once."""
        self.display = bool(self.value.strip())
        self.leave()

    def action_clear(self) -> None:
        """Take the filter away."""
        self.value = ""
        self.display = False
        self.leave()
