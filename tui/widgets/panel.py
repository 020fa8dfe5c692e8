"""A titled box of lines that scrolls when there are more than fit."""

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from tui.glyphs import Line
from tui.widgets.top_lines import content

Draw = Callable[[int], list[Line]]
"""Makes the lines for a width in columns."""


class Panel(VerticalScroll, can_focus=True, inherit_bindings=False):
    """Draws lines that a function makes for the width that there is."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "scroll_down", "Down", show=False),
        Binding("up,k", "scroll_up", "Up", show=False),
        Binding("pagedown", "page_down", "Page down", show=False),
        Binding("pageup", "page_up", "Page up", show=False),
        Binding("home,g", "scroll_home", "First line", show=False),
        Binding("end,G", "scroll_end", "Last line", show=False),
    ]

    def __init__(self, title: str, id: str) -> None:
        """Take the title on its border."""
        super().__init__(id=id, classes="panel")
        self.head(title)
        self._text = Static("", markup=False)
        self._draw: Draw | None = None

    def compose(self) -> ComposeResult:
        """Hold one text."""
        yield self._text

    def head(self, title: str) -> None:
        """Write another title on its border; what came from the appliance is never read as markup."""
        self.border_title = Content(title)

    def show(self, draw: Draw) -> None:
        """Draw these lines now and after every change of width."""
        self._draw = draw
        self._redraw()

    def on_resize(self) -> None:
        """Draw anew at another width."""
        self._redraw()

    def _redraw(self) -> None:
        width = self.scrollable_content_region.width
        if self._draw is not None and width > 0:
            self._text.update(Content("\n").join(content(line) for line in self._draw(width)))
