"""A source whose news a test puts in and whose actions it looks at."""

import asyncio
from collections.abc import AsyncIterator

from appliance.admin import schema
from tests.tui import quality_scenes, scenes
from tui.actions import Action
from tui.source import LaneQuery, Outage, SourceError


class ScriptedSource:
    """Implements tui.source.Source; `tell` is the next news, `answers` and `answer` what becomes of actions.

    With `slow`, a job and the audit are answered when it is set, with `slow_pages` the pages of a lane, with `slow_me`
    who asks.
    """

    def __init__(self, *news: schema.Snapshot | Outage, role: str | SourceError = "operator") -> None:
        self.name = "https://box.lan"
        self.read_only = False
        self.plays = False
        self.role = role
        self.actions: list[Action] = []
        self.queries: list[LaneQuery] = []
        self.windows: list[float] = []
        self.unanswered: SourceError | None = None
        """Why neither a job nor the audit can be had, None where they can."""
        self.slow: asyncio.Event | None = None
        self.slow_pages: asyncio.Event | None = None
        self.slow_me: asyncio.Event | None = None
        self.hurried = 0
        self.asked = 0
        self.answers: list[schema.ActionAnswer | SourceError] = []
        """What becomes of the next actions, one after another; then always what `answer` is."""
        self.answer: schema.ActionAnswer | SourceError = scenes.answer()
        self.qualities: dict[float, schema.Quality] | SourceError = quality_scenes.qualities()
        self.pages: dict[str | None, schema.JobsPage] = {None: scenes.jobs_page()}
        self.refusal = "Nothing is at that address."
        self._news: asyncio.Queue[schema.Snapshot | Outage] = asyncio.Queue()
        for each in news:
            self._news.put_nowait(each)

    def tell(self, news: schema.Snapshot | Outage) -> None:
        self._news.put_nowait(news)

    async def follow(self) -> AsyncIterator[schema.Snapshot | Outage]:
        while True:
            yield await self._news.get()

    def hurry(self) -> None:
        self.hurried += 1

    async def me(self) -> schema.Me:
        if self.slow_me is not None:
            await self.slow_me.wait()
        if isinstance(self.role, SourceError):
            raise self.role
        return schema.Me(name="anna", role=self.role, key_id="k1")

    async def jobs(self, query: LaneQuery) -> schema.JobsPage:
        self.queries.append(query)
        if self.slow_pages is not None:
            await self.slow_pages.wait()
        if query.cursor not in self.pages:
            raise SourceError(self.refusal)
        return self.pages[query.cursor]

    async def job(self, job_id: str) -> schema.JobDetail:
        await self._answer()
        return scenes.job_detail(job_id)

    async def dead_letters(self, query: LaneQuery) -> schema.DeadLettersPage:
        self.queries.append(query)
        return scenes.dead_page()

    async def history(self, window_s: float, series: tuple[str, ...] = ()) -> schema.History:
        return quality_scenes.history(window_s, series)

    async def quality(self, window_s: float) -> schema.Quality:
        self.windows.append(window_s)
        if isinstance(self.qualities, SourceError):
            raise self.qualities
        return self.qualities[window_s]

    async def audit(self) -> schema.AuditPage:
        await self._answer()
        return scenes.audit_page()

    async def act(self, action: Action) -> schema.ActionAnswer:
        self.actions.append(action)
        answer = self.answers.pop(0) if self.answers else self.answer
        if isinstance(answer, SourceError):
            raise answer
        return answer

    async def _answer(self) -> None:
        """Take as long as the test wants."""
        self.asked += 1
        if self.slow is not None:
            await self.slow.wait()
        if self.unanswered is not None:
            raise self.unanswered

    async def close(self) -> None:
        pass
