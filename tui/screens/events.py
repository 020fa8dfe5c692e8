"""Screen E: what happened, and what operators did."""

from textual.app import ComposeResult

from appliance.admin.schema import Snapshot
from tui.panels.audit import audit_lines
from tui.panels.events import event_lines
from tui.screens.asking import ASKING, AskingScreen
from tui.source import SourceError
from tui.versions import told
from tui.widgets.panel import Panel


class EventsScreen(AskingScreen):
    """Two panels; who has scrolled down in one goes on reading the same lines, and new ones are counted."""

    AUTO_FOCUS = "#events"

    def __init__(self) -> None:
        """Begin before the first answer."""
        super().__init__()
        self._answered = False

    def body(self) -> ComposeResult:
        """Lay out the panels."""
        yield Panel("Events", "events")
        yield Panel("Audit  what operators did", "audit")

    def draw(self, snapshot: Snapshot) -> None:
        """Draw the events; ask for the audit."""
        glyphs, now_s = self.glyphs, snapshot.server_time_s
        events, keys = self.query_one("#events", Panel), [event.id for event in snapshot.events]
        events.show(told(snapshot, "events", lambda width: event_lines(snapshot.events, now_s, width, glyphs)), keys)
        unasked = self.app.view.unasked
        if not self._answered:
            self.query_one("#audit", Panel).show(lambda width: [[(unasked or ASKING, "quiet")]])
        self.ask_in_turn()

    async def question(self) -> None:
        """Ask for the audit."""
        panel, glyphs = self.query_one("#audit", Panel), self.glyphs
        try:
            page = await self.app.source.audit()
        except SourceError as failure:
            sentence = str(failure)
            panel.show(lambda width: [[(sentence, "quiet")]])
            return
        self._answered = True
        keys = [str(entry.id) for entry in page.entries]
        panel.show(lambda width: audit_lines(page.entries, page.server_time_s, width, glyphs), keys)
