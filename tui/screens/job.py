"""One job: what it is, how far it is, what went wrong. Never what was said."""

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from appliance.admin.schema import JobDetail, Snapshot
from tui.acting import cancel_job, retry_job
from tui.actions import Action
from tui.panels.job import job_lines
from tui.screens.asking import ASKING, AskingScreen
from tui.screens.picture import BACK
from tui.source import SourceError
from tui.widgets.panel import Panel

NOT_KNOWN = "It is not known yet how this job stands."


class JobScreen(AskingScreen):
    """One panel."""

    AUTO_FOCUS = "#job"
    BINDINGS: ClassVar[list[BindingType]] = [BACK, Binding("C", "cancel", "Cancel"), Binding("R", "retry", "Retry")]

    def __init__(self, job_id: str, lane: str) -> None:
        """Take the job's id, and the lane that it was opened from."""
        super().__init__()
        self._job_id = job_id
        self._lane = lane
        self._job: JobDetail | None = None
        self._failure = ""

    def body(self) -> ComposeResult:
        """Lay out the panel."""
        path = self.glyphs.path
        yield Panel(f"Queues {path} {self._lane} {path} {self._job_id}", "job")

    def draw(self, snapshot: Snapshot) -> None:
        """Ask for the job anew."""
        unasked = self.app.view.unasked
        if self._job is None and (unasked or not self._failure):
            self.query_one("#job", Panel).show(lambda width: [[(unasked or ASKING, "quiet")]])
        self.ask_in_turn()

    async def question(self) -> None:
        """Ask for the job."""
        panel, glyphs = self.query_one("#job", Panel), self.glyphs
        try:
            job = await self.app.source.job(self._job_id)
        except SourceError as failure:
            sentence = self._failure = str(failure)
            panel.show(lambda width: [[(sentence, "bad")]])
            return
        self._job, self._failure = job, ""
        panel.show(lambda width: job_lines(job, width, glyphs))

    def action_cancel(self) -> None:
        """Ask whether to cancel it."""
        self._ask(cancel_job, "This job cannot be cancelled: it has ended.")

    def action_retry(self) -> None:
        """Ask whether to try it again."""
        self._ask(retry_job, "This job is no dead letter.")

    def _ask(self, action: Callable[[JobDetail], Action | None], otherwise: str) -> None:
        """Ask for an action on the job as it was told; of one that was never told nothing is claimed."""
        if self._job is None:
            self.app.ask(None, NOT_KNOWN)
        else:
            self.app.ask(action(self._job), otherwise)
