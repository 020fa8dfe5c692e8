"""A titled box of lines that scrolls when there are more than fit."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from tui.glyphs import Line
from tui.widgets.staying import moved_by
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
        self._keys: tuple[str, ...] = ()
        self._new = 0
        self.head(title)
        self._text = Static("", markup=False)
        self._draw: Draw | None = None

    def compose(self) -> ComposeResult:
        """Hold one text."""
        yield self._text

    def head(self, title: str) -> None:
        """Write another title on its border; what came from the appliance is never read as markup."""
        self._title = title
        self.border_title = Content(f"{title}  +{self._new} new" if self._new else title)

    def show(self, draw: Draw, keys: Sequence[str] = ()) -> None:
        """Draw these lines now and after every change of width.

        With a key per line, who has scrolled down goes on seeing the same lines; the title counts the new ones above.
        """
        self._draw = draw
        top, before = int(self.scroll_offset.y), self._keys
        self._keys = tuple(keys)
        self._redraw()
        if top > 0 and before:
            by, new = moved_by(before, self._keys, top)
            # Not before the new lines are laid out: until then it cannot scroll so far.
            self.call_after_refresh(self._stay, by, new)

    def _stay(self, by: int, new: int) -> None:
        self._new += new
        self.scroll_relative(y=by, animate=False, immediate=True, force=True)
        self.head(self._title)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Count what has come into sight as seen."""
        super().watch_scroll_y(old_value, new_value)
        if self._new > new_value:
            self._new = int(new_value)
            self.head(self._title)

    def on_resize(self) -> None:
        """Draw anew at another width."""
        self._redraw()

    def _redraw(self) -> None:
        # What the style keeps for a bar, for one that is not shown takes nothing yet.
        region, bar = self.scrollable_content_region, self.styles.scrollbar_size_vertical
        width = region.width + (bar if self.show_vertical_scrollbar else 0)
        if self._draw is None or region.width <= 0:
            return
        lines = self._draw(width)
        if len(lines) > region.height:
            # They will scroll, and the bar for it takes its room only once they are laid out.
            lines = self._draw(width - bar)
        self._text.update(Content("\n").join(content(line) for line in lines))
