"""Screen 6: how good translations and voices are."""

from textual.app import ComposeResult

from appliance.admin.schema import Snapshot
from tui import format as fmt
from tui.panels.quality import quality_lines
from tui.screens.picture import PictureScreen
from tui.widgets.panel import Panel


class QualityScreen(PictureScreen):
    """One panel."""

    AUTO_FOCUS = "#quality"

    def body(self) -> ComposeResult:
        """Lay out the panel."""
        yield Panel("Quality", "quality")

    def draw(self, snapshot: Snapshot) -> None:
        """Draw the figures."""
        panel, glyphs = self.query_one("#quality", Panel), self.glyphs
        if snapshot.quality:
            panel.border_title = f"Quality  {fmt.age(snapshot.quality.window_s)}"
        panel.show(lambda width: quality_lines(snapshot, width, glyphs))
