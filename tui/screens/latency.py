"""Screen 5: how long stages take, and what the caches answer."""

from textual.app import ComposeResult

from appliance.admin.schema import Snapshot
from tui import format as fmt
from tui.panels.cache import cache_lines
from tui.panels.latency import latency_lines
from tui.screens.picture import PictureScreen
from tui.versions import told
from tui.widgets.panel import Panel


class LatencyScreen(PictureScreen):
    """Two panels."""

    AUTO_FOCUS = "#latency"

    def body(self) -> ComposeResult:
        """Lay out the panels."""
        yield Panel("Latency", "latency")
        yield Panel("Cache", "cache")

    def draw(self, snapshot: Snapshot) -> None:
        """Draw both."""
        glyphs = self.glyphs
        latency, cache = self.query_one("#latency", Panel), self.query_one("#cache", Panel)
        latency.head(f"Latency  last {fmt.age(snapshot.window_s)}, seconds")
        cache.head(f"Cache  last {fmt.age(snapshot.window_s)}")
        latency.show(told(snapshot, "latency", lambda width: latency_lines(snapshot, width, glyphs)))
        cache.show(told(snapshot, "caches", lambda width: cache_lines(snapshot, width, glyphs)))
