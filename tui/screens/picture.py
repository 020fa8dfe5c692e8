"""What every screen has: two lines at the top, keys at the bottom, and a picture that may be old."""

from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.css.query import NoMatches
from textual.screen import Screen

from appliance.admin.schema import Snapshot
from tui.glyphs import Glyphs
from tui.verdict_line import verdict_pieces
from tui.view import View, status_segments
from tui.widgets.filter_bar import FilterBar
from tui.widgets.key_line import KeyLine
from tui.widgets.row_table import RowTable
from tui.widgets.top_lines import TopLine

if TYPE_CHECKING:
    from tui.app import Console

ACTING = ("pause", "cancel", "retry", "retry_all", "drain")
"""Names of the actions that change the appliance; a console that may not act does not show them anywhere."""
BACK = Binding("escape", "back", "Back")
"""For screens that were opened from another one: there it stands in the footer."""
HAND_ON_TABLE_S = 5.0
"""Rows keep their order for so long after somebody moved the cursor: nothing jumps away under a hand."""


class PictureScreen(Screen[None]):
    """A screen that draws snapshots; what is particular to it stands in `body` and `draw`."""

    app: "Console"
    BINDINGS: ClassVar[list[BindingType]] = [
        # Before the focused widget sees it: keys that follow at once then go to the field, not to the table.
        Binding("slash", "filter", "Filter", priority=True),
        Binding("s", "sort", "Sort", show=False),
        Binding("S", "reverse", "Reverse", show=False),
        Binding("m", "enlarge", "Maximize", show=False),
        Binding("tab", "app.focus_next", "Next panel", show=False),
        Binding("escape", "back", "Back", show=False),
    ]

    def __init__(self) -> None:
        """Begin without a hand on any table."""
        super().__init__()
        self._touched_s = -1e9
        self._laid_out = False
        self._filtered: RowTable | None = None

    def on_mount(self) -> None:
        """Draw what is known; before this there is nothing to draw into."""
        self._laid_out = True
        self.show(self.app.view)

    @property
    def glyphs(self) -> Glyphs:
        """Return the signs to draw with."""
        return self.app.glyphs

    def compose(self) -> ComposeResult:
        """Lay out the frame around the body."""
        yield TopLine(self.glyphs, "status")
        yield TopLine(self.glyphs, "verdict")
        with Container(id="body"):
            yield from self.body()
        yield FilterBar(self.leave_filter)
        yield KeyLine()

    def body(self) -> ComposeResult:
        """Lay out what is particular to this screen."""
        yield from ()

    def draw(self, snapshot: Snapshot) -> None:
        """Draw a snapshot into the body."""

    def show(self, view: View) -> None:
        """Draw what is known; a picture that is old is dimmed and stays."""
        # A screen that is being taken down has lost parts of itself already.
        with suppress(NoMatches):
            self.show_age(view)
            if self._laid_out and view.snapshot is not None:
                self.draw(view.snapshot)

    def show_age(self, view: View) -> None:
        """Draw the top lines alone."""
        if not self._laid_out or len(self.query(TopLine)) < 2:
            return
        now_s = self.app.clock.monotonic_s()
        width = max(20, self.size.width - 2)
        self.query_one("#status", TopLine).show(status_segments(view, now_s, width, self.glyphs))
        silent_s = view.age_s(now_s) if view.stale(now_s) else None
        self.query_one("#verdict", TopLine).show(
            verdict_pieces(view.findings(), view.outage, width, self.glyphs, silent_s)
        )
        self.set_class(view.outage is not None or silent_s is not None, "-old")

    def on_screen_resume(self) -> None:
        """Draw what came while another screen was in front."""
        self.show(self.app.view)
        self.refresh_bindings()

    def on_resize(self) -> None:
        """Draw anew at another width."""
        self.call_after_refresh(self.show, self.app.view)

    @property
    def held(self) -> bool:
        """Tell whether a hand is on a table."""
        return self.app.clock.monotonic_s() - self._touched_s < HAND_ON_TABLE_S

    def on_row_table_moved(self) -> None:
        """Keep the order for a while."""
        self._touched_s = self.app.clock.monotonic_s()

    @property
    def table(self) -> RowTable | None:
        """Return the table that has the keys, the one that is being filtered, or the first one."""
        if isinstance(self.focused, RowTable):
            return self.focused
        if self._filtered is not None and isinstance(self.focused, FilterBar):
            return self._filtered
        return next(iter(self.query(RowTable)), None)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Hide what this console may not do, dim what would not reach the appliance now."""
        if action in ACTING:
            if not self.app.view.may_act:
                return False
            return True if self.app.view.can_act_now else None
        if action in ("filter", "sort", "reverse"):
            typing = isinstance(self.focused, FilterBar)
            return self._laid_out and self.table is not None and not typing
        return True

    def action_filter(self) -> None:
        """Type a filter for the table that has the keys; one that another table had is taken away."""
        if self._filtered is not None and self._filtered is not self.table:
            self._filtered.narrow("")
        self._filtered = self.table
        bar = self.query_one(FilterBar)
        bar.value = self._filtered.filter if self._filtered is not None else ""
        bar.open()

    def on_filter_bar_narrowed(self, event: FilterBar.Narrowed) -> None:
        """Narrow the table."""
        if self._filtered is not None:
            self._filtered.narrow(event.pattern)

    def leave_filter(self) -> None:
        """Give the keys back to the table."""
        if self._filtered is not None:
            self.set_focus(self._filtered)

    def action_sort(self) -> None:
        """Sort by the next column."""
        if self.table is not None:
            self.table.sort_next()

    def action_reverse(self) -> None:
        """Turn the order around."""
        if self.table is not None:
            self.table.sort_reversed()

    def sort_anew(self) -> None:
        """Let the order be as it should be, whatever hand is on the table."""
        self._touched_s = -1e9

    def action_enlarge(self) -> None:
        """Let the focused panel fill the screen, or give it its place back."""
        if self.maximized is not None:
            self.minimize()
        elif self.focused is not None:
            self.maximize(self.focused)

    def action_back(self) -> None:
        """Take the filter away, else go back to the screen that this one was opened from."""
        bar = self.query_one(FilterBar)
        if self.maximized is not None:
            self.minimize()
        elif bar.display:
            bar.action_clear()
        elif sum(isinstance(screen, PictureScreen) for screen in self.app.screen_stack) > 1:
            self.app.pop_screen()
