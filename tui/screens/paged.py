"""A table that is read page after page: items of a lane, or dead letters."""

from abc import abstractmethod
from collections.abc import Sequence
from functools import partial

from textual.app import ComposeResult

from appliance.admin.schema import Lane, Snapshot
from tui.naming import lane_named
from tui.screens.asking import ASKING, AskingScreen
from tui.source import LaneQuery, SourceError
from tui.widgets.row_table import RowTable
from tui.widgets.rows import Column, Row

LONGEST_LIST = 10_000
"""Rows kept at most."""
NEAR_THE_END = 10


class PagedScreen(AskingScreen):
    """The first page is asked for anew; once more pages were read, the list stands until `r`."""

    AUTO_FOCUS = "#page"
    COLUMNS: tuple[Column, ...] = ()
    EMPTY = ""

    def __init__(self, lane: Lane) -> None:
        """Take the lane as it was when it was opened."""
        super().__init__()
        self._opened = lane
        self._rows: dict[str, Row] = {}
        self._next: str | None = None
        self._pages = 0
        self._failure = ""

    def body(self) -> ComposeResult:
        """Lay out the table."""
        yield RowTable(self.COLUMNS, self.glyphs, empty=self.EMPTY, id="page")

    @property
    def lane(self) -> Lane:
        """Return the lane as it is in the picture."""
        return lane_named(self.app.view.snapshot, self._opened.name) or self._opened

    @property
    def page(self) -> RowTable:
        """Return the table."""
        return self.query_one("#page", RowTable)

    @abstractmethod
    async def read(self, query: LaneQuery) -> tuple[Sequence[Row], str | None]:
        """Return the rows of one page and the cursor of the next; SourceError where they cannot be had."""

    @abstractmethod
    def headline(self) -> str:
        """Return what stands in the title besides the lane."""

    def draw(self, snapshot: Snapshot) -> None:
        """Draw the title; ask for the first page."""
        unasked = self.app.view.unasked
        self.page.empty = self.EMPTY if self._pages else unasked or ASKING
        self._title()
        self.ask_in_turn()

    def on_row_table_moved(self) -> None:
        """Read on before the end is reached."""
        super().on_row_table_moved()
        near = self.page.cursor in self.page.keys[-NEAR_THE_END:]
        asking = self._next is not None and not self.app.view.unasked
        if asking and near and len(self._rows) < LONGEST_LIST:
            self.ask_alone(partial(self._load, False))

    @property
    def stands(self) -> bool:
        """Tell whether more than the first page was read."""
        return self._pages > 1

    async def question(self) -> None:
        """Ask for the first page."""
        await self._load(True)

    async def _load(self, fresh: bool) -> None:
        lane = self._opened
        try:
            rows, following = await self.read(LaneQuery(lane.stage, lane.priority, None if fresh else self._next))
        except SourceError as failure:
            self._failure = str(failure)
        else:
            self._failure, self._next = "", following
            self._pages = 1 if fresh else self._pages + 1
            self.page.empty = self.EMPTY
            self._rows = {row.key: row for row in rows} if fresh else {**self._rows, **{row.key: row for row in rows}}
            self.page.among = f" among the first {len(self._rows)}" if following is not None else ""
            self.page.show(list(self._rows.values()), hold=self.held and fresh)
        self._title()

    def _title(self) -> None:
        parts = [f"Queues {self.glyphs.path} {self._opened.name}", self.headline()]
        if self._pages > 1:
            parts.insert(1, f"{len(self._rows)} read, r reads anew")
        elif self._next is not None:
            parts.insert(1, f"first {len(self._rows)}")
        self.page.head(self._failure or "  ".join(parts))
