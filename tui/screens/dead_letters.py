"""The dead letters of one lane: jobs with a language that failed, and whose recording is still there."""

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType

from appliance.admin.schema import DeadLetter, Lane
from tui import format as fmt
from tui.acting import NO_BULK, retry_all, retry_letter
from tui.screens.job import JobScreen
from tui.screens.paged import PagedScreen
from tui.screens.picture import BACK
from tui.source import LaneQuery
from tui.tables import jobs
from tui.widgets.row_table import RowTable
from tui.widgets.rows import Row

NO_DEAD_LETTERS = "A sample of a voice profile that failed is for its owner: nothing here to retry."


class DeadLettersScreen(PagedScreen):
    """The newest first; Enter opens a job."""

    COLUMNS = jobs.DEAD_COLUMNS
    EMPTY = "No dead letters."
    BINDINGS: ClassVar[list[BindingType]] = [
        BACK,
        Binding("R", "retry", "Retry"),
        Binding("B", "retry_all", "Retry all dead"),
    ]

    def __init__(self, lane: Lane) -> None:
        """Take the lane as it was when it was opened."""
        super().__init__(lane)
        self._letters: dict[str, DeadLetter] = {}
        self._count = lane.dead

    async def read(self, query: LaneQuery) -> tuple[Sequence[Row], str | None]:
        """Return a page of dead letters."""
        page = await self.app.source.dead_letters(query)
        self._count = page.count
        new = {letter.job_id: letter for letter in page.dead_letters}
        self._letters = {**(self._letters if query.cursor else {}), **new}
        return [jobs.dead_row(letter, self.glyphs) for letter in page.dead_letters], page.next_cursor

    def headline(self) -> str:
        """Return how many there are."""
        return fmt.plural(self._count, "dead letter")

    def on_row_table_opened(self, event: RowTable.Opened) -> None:
        """Look at one job."""
        self.app.push_screen(JobScreen(event.key, self._opened.name))

    def action_retry(self) -> None:
        """Ask whether to try the dead letter under the cursor again."""
        letter = self._letters.get(self.page.cursor or "")
        self.app.ask(retry_letter(letter) if letter else None, "There is no dead letter here to retry.")

    def action_retry_all(self) -> None:
        """Ask whether to try all of them again."""
        self.app.ask(retry_all(self.lane, self._count), NO_BULK)
