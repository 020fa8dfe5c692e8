"""The field under a table that narrows its rows while one types."""

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input


class FilterBar(Input):
    """Hidden until `/`; Enter keeps the filter, Esc takes it away."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "clear", "Clear filter")]

    class Narrowed(Message):
        """Another pattern; empty when the filter was taken away."""

        def __init__(self, pattern: str) -> None:
            """Take the pattern."""
            super().__init__()
            self.pattern = pattern

    class Left(Message):
        """The typing is over; the table has the keys again."""

    def __init__(self) -> None:
        """Begin hidden."""
        super().__init__(placeholder="filter, ! inverts", id="filter", compact=True)
        self.display = False

    def open(self) -> None:
        """Show the field and type into it."""
        self.display = True
        # At once, not after what waits: the next keys of somebody who types fast belong here.
        self.screen.set_focus(self)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Narrow at every key."""
        event.stop()
        self.post_message(self.Narrowed(event.value.strip()))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep the filter."""
        event.stop()
        self.display = bool(self.value.strip())
        self.post_message(self.Left())

    def action_clear(self) -> None:
        """Take the filter away."""
        self.value = ""
        self.display = False
        self.post_message(self.Left())
