"""The items of one lane with their jobs."""

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType

from appliance.admin.schema import JobLine, Lane
from tui import format as fmt
from tui.acting import cancel_item, pause_or_resume
from tui.screens.job import JobScreen
from tui.screens.paged import PagedScreen
from tui.screens.picture import BACK
from tui.source import LaneQuery
from tui.tables import jobs
from tui.widgets.row_table import RowTable
from tui.widgets.rows import Row


class JobsScreen(PagedScreen):
    """What waits and what runs, the earliest deadline first; Enter opens a job."""

    COLUMNS = jobs.COLUMNS
    EMPTY = "Nothing waits and nothing runs."
    BINDINGS: ClassVar[list[BindingType]] = [
        BACK,
        Binding("d", "dead", "Dead letters"),
        Binding("C", "cancel", "Cancel"),
        Binding("P", "pause", "Pause/resume"),
    ]

    def __init__(self, lane: Lane) -> None:
        """Take the lane as it was when it was opened."""
        super().__init__(lane)
        self._items: dict[str, JobLine] = {}

    async def read(self, query: LaneQuery) -> tuple[Sequence[Row], str | None]:
        """Return a page of items."""
        page = await self.app.source.jobs(query)
        self._items = {**(self._items if query.cursor else {}), **{item.item_id: item for item in page.jobs}}
        return [jobs.item_row(item, self.glyphs) for item in page.jobs], page.next_cursor

    def headline(self) -> str:
        """Return how the lane is."""
        lane = self.lane
        oldest = f"oldest {fmt.age(lane.oldest_wait_s)} ({fmt.percent(lane.oldest_of_sla)} of SLA)"
        return f"{lane.depth} waiting, {lane.running} running, {lane.dead} dead  {oldest}"

    def _item(self) -> JobLine | None:
        return self._items.get(self.page.cursor or "")

    def on_row_table_opened(self, event: RowTable.Opened) -> None:
        """Look at one job."""
        item = self._items.get(event.key)
        if item is not None and item.job_id is not None:
            self.app.push_screen(JobScreen(item.job_id, self._opened.name))

    def action_dead(self) -> None:
        """Go to the dead letters of the lane."""
        self.app.open_dead_letters(self.lane)

    def action_cancel(self) -> None:
        """Ask whether to cancel the job under the cursor."""
        item = self._item()
        self.app.ask(cancel_item(item) if item else None, "There is no job here to cancel.")

    def action_pause(self) -> None:
        """Ask whether to pause or resume the lane."""
        self.app.ask(pause_or_resume(self.lane), "")
