"""Screen 2: all lanes with all their columns."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from appliance.admin.schema import Lane, Snapshot
from tui.acting import NO_BULK, pause_or_resume, retry_all
from tui.naming import lane_named
from tui.screens.picture import PictureScreen
from tui.tables import lanes
from tui.widgets.row_table import RowTable


class QueuesScreen(PictureScreen):
    """One table; Enter opens the jobs of a lane."""

    AUTO_FOCUS = "#lanes"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("P", "pause", "Pause/resume"),
        Binding("d", "dead", "Dead letters"),
        Binding("B", "retry_all", "Retry all dead"),
    ]

    def body(self) -> ComposeResult:
        """Lay out the table."""
        yield RowTable(lanes.COLUMNS, self.glyphs, sort=lanes.SORTED_BY, id="lanes")

    def draw(self, snapshot: Snapshot) -> None:
        """Draw the lanes."""
        table = self.query_one("#lanes", RowTable)
        table.empty = lanes.empty(snapshot)
        table.show(lanes.lane_rows(snapshot, self.glyphs), hold=self.held)
        table.head(f"Queues  by {table.sorted_by}  Enter opens the jobs")

    async def on_row_table_opened(self, event: RowTable.Opened) -> None:
        """Go to the jobs of a lane."""
        await self.app.open_lane(event.key)

    def _lane(self) -> Lane | None:
        return lane_named(self.app.view.snapshot, self.query_one("#lanes", RowTable).cursor)

    def action_dead(self) -> None:
        """Go to the dead letters of the lane under the cursor."""
        if (lane := self._lane()) is not None:
            self.app.open_dead_letters(lane)

    def action_pause(self) -> None:
        """Ask whether to pause or resume the lane under the cursor."""
        lane = self._lane()
        self.app.ask(pause_or_resume(lane) if lane else None, "No lane is selected.")

    def action_retry_all(self) -> None:
        """Ask whether to try all dead letters of the lane again."""
        lane = self._lane()
        self.app.ask(retry_all(lane, lane.dead) if lane else None, NO_BULK)
