"""Screen 1: lanes, workers, and at a glance everything else."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Static

from appliance.admin.schema import Snapshot
from tui.acting import drain_or_undrain, pause_or_resume
from tui.fold import fold_pieces
from tui.naming import lane_named, worker_named
from tui.panels.cache import cache_lines
from tui.panels.events import event_lines
from tui.panels.gpu import gpu_lines
from tui.panels.latency import latency_lines
from tui.panels.quality import quality_lines
from tui.screens.picture import PictureScreen
from tui.tables import lanes, workers
from tui.versions import told
from tui.widgets.panel import Draw, Panel
from tui.widgets.row_table import RowTable
from tui.widgets.top_lines import content


class OverviewScreen(PictureScreen):
    """Two tables at 80 columns with one folded line; from 116 columns on, panels beside them."""

    AUTO_FOCUS = "#lanes"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("P", "pause", "Pause/resume"),
        Binding("D", "drain", "Drain/undrain"),
    ]

    def body(self) -> ComposeResult:
        """Lay out tables left, panels right, events below."""
        with Horizontal():
            with Vertical(id="left"):
                yield RowTable(lanes.COLUMNS, self.glyphs, sort=lanes.SORTED_BY, id="lanes")
                yield RowTable(workers.COLUMNS, self.glyphs, sort=workers.SORTED_BY, id="workers")
                yield Panel("Events", "events")
                yield Static("", id="fold", markup=False)
            with Vertical(id="right"):
                yield Panel("GPU", "gpu")
                yield Panel("Latency", "latency")
                yield Panel("Cache", "cache")
                yield Panel("Quality", "quality")

    def draw(self, snapshot: Snapshot) -> None:
        """Draw all of it."""
        glyphs = self.glyphs
        lane_table, worker_table = self.query_one("#lanes", RowTable), self.query_one("#workers", RowTable)
        lane_table.empty, worker_table.empty = lanes.empty(snapshot), workers.empty(snapshot)
        lane_table.show(lanes.lane_rows(snapshot, glyphs), hold=self.held)
        lane_table.head(f"Queues  by {lane_table.sorted_by}")
        worker_table.show(workers.worker_rows(snapshot, glyphs), hold=self.held)
        worker_table.head(f"Workers  {workers.census(snapshot)}")
        self.query_one("#fold", Static).update(content(fold_pieces(snapshot, self.size.width - 2, glyphs)))
        self._draw_panels(snapshot)

    def _draw_panels(self, snapshot: Snapshot) -> None:
        glyphs, trails, now_s = self.glyphs, self.app.view.trails.gpus, snapshot.server_time_s
        panels: dict[str, tuple[str, Draw]] = {
            "gpu": ("gpus", lambda width: gpu_lines(snapshot, trails, width, glyphs)),
            "latency": ("latency", lambda width: latency_lines(snapshot, width, glyphs)),
            "cache": ("caches", lambda width: cache_lines(snapshot, width, glyphs)),
            "quality": ("quality", lambda width: quality_lines(snapshot.quality, width, glyphs)),
            "events": ("events", lambda width: event_lines(snapshot.events, now_s, width, glyphs)),
        }
        for name, (section, draw) in panels.items():
            keys = [event.id for event in snapshot.events] if name == "events" else ()
            self.query_one(f"#{name}", Panel).show(told(snapshot, section, draw), keys)

    def _selected(self, table: str) -> str | None:
        """Return the key under the cursor of a table that has the keys: of the other one nobody looks at it."""
        found = self.query_one(f"#{table}", RowTable)
        return found.cursor if found.has_focus else None

    def action_pause(self) -> None:
        """Ask whether to pause or resume the selected lane."""
        lane = lane_named(self.app.view.snapshot, self._selected("lanes"))
        self.app.ask(pause_or_resume(lane) if lane else None, "No lane is selected: tab goes to the lanes.")

    def action_drain(self) -> None:
        """Ask whether to drain or undrain the selected worker."""
        worker = worker_named(self.app.view.snapshot, self._selected("workers"))
        self.app.ask(drain_or_undrain(worker) if worker else None, "No worker is selected: tab goes to the workers.")

    async def on_row_table_opened(self, event: RowTable.Opened) -> None:
        """Go to the jobs of a lane, or to a worker."""
        if event.table.id == "lanes":
            await self.app.open_lane(event.key)
        else:
            await self.app.open_worker(event.key)
