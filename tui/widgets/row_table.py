"""A table of keyed rows that draws only the lines in sight.

Textual's DataTable keeps its cursor by place: after a sort, or when a row above goes, it points at another job (seen
with 8.2), and an action would hit that one. This table keeps the key.
"""

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import Click
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.format import cut
from tui.glyphs import UNICODE, Glyphs
from tui.widgets.rows import GAP, Column, Row, cursor_after, fitting, held, matches, ordered

_MARK_WIDTH = 1


class RowTable(ScrollView, can_focus=True, inherit_bindings=False):
    """Rows under fixed columns, with a cursor that stays on its key, a filter and a sort order."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "rows--head",
        "rows--cursor",
        *(f"rows--{tone}" for tone in ("plain", "good", "note", "warn", "bad", "quiet")),
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("home,g", "edge(-1)", "First row", show=False),
        Binding("end,G", "edge(1)", "Last row", show=False),
        Binding("enter", "open", "Open", show=False),
    ]

    class Opened(Message):
        """Enter or a second click on a row."""

        def __init__(self, table: "RowTable", key: str) -> None:
            """Name the table and the row's key."""
            super().__init__()
            self.table = table
            self.key = key

        @property
        def control(self) -> "RowTable":
            """Return the table, for `@on` with a selector."""
            return self.table

    class Moved(Message):
        """The cursor went to another row because somebody moved it."""

        def __init__(self, table: "RowTable", key: str) -> None:
            """Name the table and the row's key."""
            super().__init__()
            self.table = table
            self.key = key

    def __init__(
        self,
        columns: Sequence[Column],
        glyphs: Glyphs = UNICODE,
        *,
        sort: int | None = None,
        empty: str = "Nothing is known yet.",
        id: str | None = None,
    ) -> None:
        """Take the columns, the column that it sorts by at first, and what it says without rows."""
        super().__init__(id=id)
        self.columns = tuple(columns)
        self.glyphs = glyphs
        self.sort_column = sort
        self.descending = columns[sort].descending if sort is not None else False
        self.empty = empty
        self.cursor: str | None = None
        self.filter = ""
        self.among = ""
        """Of what more there is, said where nothing matches: a table may hold the first page alone."""
        self._all: list[Row] = []
        self._shown: list[Row] = []
        self._keys: list[str] = []
        self._place_of: dict[str, int] = {}
        self._places: list[int] = []

    @property
    def keys(self) -> list[str]:
        """Return the keys of the rows that are shown, from the top."""
        return self._keys

    @property
    def sorted_by(self) -> str:
        """Return the heading of the column that it sorts by, in small letters."""
        return "server" if self.sort_column is None else self.columns[self.sort_column].title.lower()

    @property
    def total(self) -> int:
        """Return how many rows there are, shown or filtered out."""
        return len(self._all)

    def show(self, rows: Sequence[Row], *, hold: bool = False) -> None:
        """Draw these rows instead of the ones before; with `hold`, rows that stay keep their order."""
        self._all = list(rows)
        self._rearrange(hold)

    def head(self, title: str) -> None:
        """Write a title on its border; what came from the appliance is never read as markup."""
        self.border_title = Content(title)

    def narrow(self, pattern: str) -> None:
        """Show only the rows that match a pattern."""
        self.filter = pattern
        self._rearrange(hold=False)

    def sort_next(self) -> None:
        """Sort by the next column that is shown."""
        places = self._places or list(range(len(self.columns)))
        following = [place for place in places if self.sort_column is None or place > self.sort_column]
        self.sort_column = (following or places)[0]
        self.descending = self.columns[self.sort_column].descending
        self._rearrange(hold=False)

    def sort_reversed(self) -> None:
        """Turn the order around."""
        self.descending = not self.descending
        self._rearrange(hold=False)

    def point_at(self, key: str) -> None:
        """Put the cursor on a row, if it is shown."""
        if key in self._place_of:
            self.cursor = key
            self._keep_in_sight()
            self.refresh()

    def _rearrange(self, hold: bool) -> None:
        before = self.keys
        wanted = [row for row in self._all if matches(row, self.filter)]
        self._shown = held(wanted, before) if hold else ordered(wanted, self.sort_column, self.descending)
        after = self._keys = [row.key for row in self._shown]
        self._place_of = {key: place for place, key in enumerate(after)}
        self.cursor = cursor_after(before, self.cursor, after)
        self.virtual_size = Size(self._natural_width(), max(1, len(after)) + 1)
        if after != before:
            self._keep_in_sight()
        self.refresh()

    def _natural_width(self) -> int:
        self._places = fitting(self.columns, self.scrollable_content_region.width - _MARK_WIDTH)
        return _MARK_WIDTH + sum(self.columns[place].width + GAP for place in self._places)

    def on_resize(self) -> None:
        """Columns come and go with the width."""
        self.virtual_size = Size(self._natural_width(), max(1, len(self._shown)) + 1)
        self._keep_in_sight()

    def _place(self) -> int:
        return self._place_of.get(self.cursor or "", 0)

    def _keep_in_sight(self) -> None:
        room = max(1, self.scrollable_content_region.height - 1)
        place, top = self._place(), self.scroll_offset.y
        if place < top:
            self.scroll_to(y=place, animate=False, immediate=True)
        elif place >= top + room:
            self.scroll_to(y=place - room + 1, animate=False, immediate=True)

    def _go(self, place: int) -> None:
        if not self._shown:
            return
        self.cursor = self._shown[max(0, min(place, len(self._shown) - 1))].key
        self._keep_in_sight()
        self.refresh()
        self.post_message(self.Moved(self, self.cursor))

    def action_move(self, by: int) -> None:
        """Move the cursor by rows."""
        self._go(self._place() + by)

    def action_page(self, by: int) -> None:
        """Move the cursor by screens."""
        self._go(self._place() + by * max(1, self.scrollable_content_region.height - 2))

    def action_edge(self, end: int) -> None:
        """Move the cursor to the first or the last row."""
        self._go(0 if end < 0 else len(self._shown) - 1)

    def action_open(self) -> None:
        """Open the row under the cursor."""
        if self.cursor is not None:
            self.post_message(self.Opened(self, self.cursor))

    def on_click(self, event: Click) -> None:
        """Move the cursor to the row; open it when it was there already."""
        place = self.scroll_offset.y + event.y - 1
        if event.y < 1 or not 0 <= place < len(self._shown):
            return
        if self._shown[place].key == self.cursor:
            self.action_open()
        else:
            self._go(place)

    def render_line(self, y: int) -> Strip:
        """Return one line: the heading stays at the top, rows scroll under it."""
        width = self.scrollable_content_region.width
        if y == 0:
            return self._heading(width)
        place = self.scroll_offset.y + y - 1
        if not self._shown and y == 1:
            text = f"Nothing matches {self.filter}{self.among}" if self._all else self.empty
            return self._padded([Segment(f" {text}", self._style("quiet"))], width)
        if place >= len(self._shown):
            return Strip.blank(width, self.rich_style)
        return self._row(self._shown[place], width)

    def _heading(self, width: int) -> Strip:
        style = self.get_component_rich_style("rows--head")
        segments = [Segment(" " * _MARK_WIDTH, style)]
        for index in self._places:
            column = self.columns[index]
            arrow = (self.glyphs.down if self.descending else self.glyphs.up) if index == self.sort_column else ""
            title = cut(column.title, column.width - len(arrow), "") + arrow
            segments.append(Segment(self._set(title, column), style))
        return self._padded(segments, width, style)

    def _row(self, row: Row, width: int) -> Strip:
        at_cursor = row.key == self.cursor and self.has_focus
        mark = self.glyphs.cursor if at_cursor else " "
        segments = [Segment(mark, self._style("plain"))]
        for place in self._places:
            cell, column = row.cells[place], self.columns[place]
            text = self._set(cut(cell.text, column.width, self.glyphs.cut), column)
            segments.append(Segment(text, self._style(cell.tone)))
        strip = self._padded(segments, width)
        if at_cursor:
            return strip.apply_style(self.get_component_rich_style("rows--cursor", partial=True))
        return strip

    def _set(self, text: str, column: Column) -> str:
        placed = text.rjust(column.width) if column.right else text.ljust(column.width)
        # Wide characters of a name take two columns; what stands after it stays in its place.
        return set_cell_size(placed, column.width) + " " * GAP

    def _style(self, tone: str) -> Style:
        return self.get_component_rich_style(f"rows--{tone}")

    def _padded(self, segments: list[Segment], width: int, style: Style | None = None) -> Strip:
        left = self.scroll_offset.x
        return Strip(segments).crop_extend(left, left + width, style or self.rich_style)
