"""Screen E: what happened, and what operators did."""

from textual.app import ComposeResult

from appliance.admin.schema import Snapshot
from tui.glyphs import Line
from tui.panels.audit import audit_lines
from tui.panels.events import event_lines
from tui.screens.asking import ASKING, AskingScreen
from tui.source import Refused, SourceError
from tui.versions import told
from tui.widgets.panel import Panel

NOT_FOR_THIS_KEY = "This key may not read the audit; r asks again."


class EventsScreen(AskingScreen):
    """Two panels; who has scrolled down in one goes on reading the same lines, and new ones are counted."""

    AUTO_FOCUS = "#events"

    def __init__(self) -> None:
        """Begin before the first answer."""
        super().__init__()
        self._answered = False
        self._failure: SourceError | None = None

    @property
    def stands(self) -> bool:
        """Tell whether the key may not read the audit: to ask again would be refused again."""
        return isinstance(self._failure, Refused)

    def on_screen_suspend(self) -> None:
        """Ask at once when it comes to the front again, with whatever key there is then."""
        super().on_screen_suspend()
        self._failure = None

    def body(self) -> ComposeResult:
        """Lay out the panels."""
        yield Panel("Events", "events")
        yield Panel("Audit  what operators did", "audit")

    def draw(self, snapshot: Snapshot) -> None:
        """Draw the events; ask for the audit."""
        glyphs, now_s = self.glyphs, snapshot.server_time_s
        events, keys = self.query_one("#events", Panel), [event.id for event in snapshot.events]
        events.show(told(snapshot, "events", lambda width: event_lines(snapshot.events, now_s, width, glyphs)), keys)
        if unasked := self.app.view.unasked:
            self._failure = None
        if not self._answered and self._failure is None:
            self.query_one("#audit", Panel).show(lambda width: [[(unasked or ASKING, "quiet")]])
        self.ask_in_turn()

    async def question(self) -> None:
        """Ask for the audit."""
        panel, glyphs = self.query_one("#audit", Panel), self.glyphs
        try:
            page = await self.app.source.audit()
        except SourceError as failure:
            self._answered, self._failure = False, failure
            why: list[Line] = [[(str(failure), "quiet")]]
            lines = [[(NOT_FOR_THIS_KEY, "quiet")], *why] if self.stands else why
            panel.show(lambda width: lines)
            return
        self._failure = None
        self._answered = True
        keys = [str(entry.id) for entry in page.entries]
        panel.show(lambda width: audit_lines(page.entries, page.server_time_s, width, glyphs), keys)
