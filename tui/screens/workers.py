"""Screen 3: the workers."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from appliance.admin.schema import Snapshot, Worker
from tui.acting import drain_or_undrain
from tui.naming import worker_named
from tui.screens.picture import PictureScreen
from tui.tables import workers
from tui.widgets.row_table import RowTable


class WorkersScreen(PictureScreen):
    """One table."""

    AUTO_FOCUS = "#workers"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("D", "drain", "Drain/undrain")]

    def body(self) -> ComposeResult:
        """Lay out the table."""
        yield RowTable(workers.COLUMNS, self.glyphs, sort=workers.SORTED_BY, id="workers")

    def draw(self, snapshot: Snapshot) -> None:
        """Draw the workers."""
        table = self.query_one("#workers", RowTable)
        table.empty = workers.empty(snapshot)
        table.show(workers.worker_rows(snapshot, self.glyphs), hold=self.held)
        table.head(f"Workers  {workers.census(snapshot)}")

    def _worker(self) -> Worker | None:
        return worker_named(self.app.view.snapshot, self.query_one("#workers", RowTable).cursor)

    def action_drain(self) -> None:
        """Ask whether to drain or undrain the worker under the cursor."""
        worker = self._worker()
        self.app.ask(drain_or_undrain(worker) if worker else None, "No worker is selected.")
