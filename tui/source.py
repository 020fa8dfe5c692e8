"""Where a console's picture comes from: one protocol for a live appliance and for a recording of one."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Literal, Protocol

from appliance.admin.schema import (
    ActionAnswer,
    AuditPage,
    DeadLettersPage,
    History,
    JobDetail,
    JobsPage,
    Me,
    Quality,
    Snapshot,
    lane_name,
)
from tui.actions import Action

OutageKind = Literal["offline", "refused", "incompatible"]


@dataclass(frozen=True)
class Outage:
    """No picture, why not, and when the next one is tried for."""

    kind: OutageKind
    reason: str
    """One sentence for a person."""
    retry_in_s: float | None = None
    """None: not before somebody asks for it."""


class SourceError(Exception):
    """A question was not answered; the text says why, for a person."""


class Conflict(SourceError):
    """An action was refused because the target is not as it was on the screen; the text says how it is."""


class Unanswered(SourceError):
    """Something was sent and no answer came back, or none that says it: an action may have been done, and may not."""

    def __init__(self, sentence: str, retry_after_s: float = 0.0) -> None:
        """Keep how long the appliance asks to wait, in seconds."""
        super().__init__(sentence)
        self.retry_after_s = retry_after_s


class Refused(SourceError):
    """The key may not do that, or is none."""


@dataclass(frozen=True)
class LaneQuery:
    """A page of a lane: its items, or its dead letters, after a cursor."""

    stage: str
    priority: int
    cursor: str | None = None

    @property
    def lane(self) -> str:
        """Return the lane's name."""
        return lane_name(self.stage, self.priority)


class Source(Protocol):
    """Answers a console's questions; every method may raise SourceError, `follow` never does."""

    name: str
    """What is shown as its place: an address or a file."""
    read_only: bool
    """True where nothing can be done to it, whoever asks."""
    plays: bool
    """True where it tells of the past: its clock and this machine's are not compared."""

    def follow(self) -> AsyncIterator[Snapshot | Outage]:
        """Yield the newest snapshot whenever there is one, and an outage whenever that ends; for ever."""
        ...

    def hurry(self) -> None:
        """Ask at once instead of waiting for the next picture, or for the next try."""
        ...

    async def me(self) -> Me:
        """Return who this console is to the appliance."""
        ...

    async def jobs(self, query: LaneQuery) -> JobsPage:
        """Return one page of a lane's items, the earliest deadline first."""
        ...

    async def dead_letters(self, query: LaneQuery) -> DeadLettersPage:
        """Return one page of a lane's dead letters, the newest first."""
        ...

    async def job(self, job_id: str) -> JobDetail:
        """Return one job, without any text of it."""
        ...

    async def history(self, window_s: float, series: tuple[str, ...] = ()) -> History:
        """Return series, all or those named, over a window that ends now."""
        ...

    async def quality(self, window_s: float) -> Quality:
        """Return what receipts and caches say of a window that ends now, beside the window before."""
        ...

    async def audit(self) -> AuditPage:
        """Return what operators did, newest first."""
        ...

    async def act(self, action: Action) -> ActionAnswer:
        """Have an action done and return what became of it: Conflict where the target has changed.

        Unanswered where nobody knows; the same action again is done at most once in all.
        """
        ...

    async def close(self) -> None:
        """Let go of connections and files."""
        ...
