"""Screen v: all that the verdict found, what to do about each, and the figures that stand on no other screen."""

from textual.app import ComposeResult

from appliance.admin.schema import Snapshot
from tui import format as fmt
from tui.panels.advice import advice_lines
from tui.panels.parts import part_lines
from tui.screens.picture import PictureScreen
from tui.tables import findings
from tui.verdict import Finding
from tui.widgets.panel import Panel
from tui.widgets.row_table import RowTable


class VerdictScreen(PictureScreen):
    """A table of findings, the one under the cursor in full, and the parts; Enter goes to the finding's screen."""

    AUTO_FOCUS = "#findings"

    def __init__(self) -> None:
        """Begin without findings."""
        super().__init__()
        self._findings: dict[str, Finding] = {}

    def body(self) -> ComposeResult:
        """Lay out table and panels."""
        yield RowTable(findings.COLUMNS, self.glyphs, empty="Nothing needs attention.", id="findings")
        yield Panel("What to do", "advice")
        yield Panel("Parts", "parts")

    def draw(self, snapshot: Snapshot) -> None:
        """Draw all of it."""
        glyphs, table, parts = self.glyphs, self.query_one("#findings", RowTable), self.query_one("#parts", Panel)
        self._findings = {finding.id: finding for finding in self.app.view.findings() or ()}
        table.show(findings.finding_rows(list(self._findings.values()), glyphs), hold=self.held)
        table.head(f"Verdict  {fmt.plural(len(self._findings), 'finding')}, worst first")
        parts.show(lambda width: part_lines(snapshot, width, glyphs))
        self._advise()

    def on_row_table_moved(self) -> None:
        """Tell of the finding under the cursor."""
        super().on_row_table_moved()
        self._advise()

    def _advise(self) -> None:
        finding = self._findings.get(self.query_one("#findings", RowTable).cursor or "")
        self.query_one("#advice", Panel).show(lambda width: advice_lines(finding, width))

    async def on_row_table_opened(self, event: RowTable.Opened) -> None:
        """Go where the finding can be looked at."""
        finding = self._findings.get(event.key)
        if finding is not None:
            await self.app.open_finding(finding)
