"""Screen 4: the GPUs."""

from textual.app import ComposeResult

from appliance.admin.schema import Snapshot
from tui.panels.gpu import gpu_lines, missing_lines
from tui.screens.picture import PictureScreen
from tui.versions import told
from tui.widgets.panel import Panel


class GpuScreen(PictureScreen):
    """Readings and the last minutes of utilisation."""

    AUTO_FOCUS = "#gpu"

    def body(self) -> ComposeResult:
        """Lay out the panel."""
        yield Panel("GPU  utilisation of the last 5 min", "gpu")

    def draw(self, snapshot: Snapshot) -> None:
        """Draw the readings."""
        glyphs, trails = self.glyphs, self.app.view.trails.gpus
        self.query_one("#gpu", Panel).show(
            told(
                snapshot,
                "gpus",
                lambda width: [*gpu_lines(snapshot, trails, width, glyphs), *missing_lines(snapshot)],
            )
        )
