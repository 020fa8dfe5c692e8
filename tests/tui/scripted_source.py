"""A source whose news a test puts in and whose actions it looks at."""

import asyncio
from collections.abc import AsyncIterator

from appliance.admin import schema
from tests.tui import scenes
from tui.actions import Action
from tui.source import LaneQuery, Outage, SourceError


class ScriptedSource:
    """Implements tui.source.Source; `tell` is the next news, `answer` what becomes of the next action."""

    def __init__(self, *news: schema.Snapshot | Outage, role: str = "operator") -> None:
        self.name = "https://box.lan"
        self.read_only = False
        self.role = role
        self.actions: list[Action] = []
        self.queries: list[LaneQuery] = []
        self.hurried = 0
        self.answer: schema.ActionAnswer | SourceError = scenes.answer()
        self.pages: dict[str | None, schema.JobsPage] = {None: scenes.jobs_page()}
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
        return schema.Me(name="anna", role=self.role, key_id="k1")

    async def jobs(self, query: LaneQuery) -> schema.JobsPage:
        self.queries.append(query)
        if query.cursor not in self.pages:
            raise SourceError("Nothing is at that address.")
        return self.pages[query.cursor]

    async def job(self, job_id: str) -> schema.JobDetail:
        return scenes.job_detail(job_id)

    async def dead_letters(self, query: LaneQuery) -> schema.DeadLettersPage:
        self.queries.append(query)
        return scenes.dead_page()

    async def history(self, window_s: float, series: tuple[str, ...] = ()) -> schema.History:
        raise SourceError("no history")

    async def audit(self) -> schema.AuditPage:
        return scenes.audit_page()

    async def act(self, action: Action) -> schema.ActionAnswer:
        self.actions.append(action)
        if isinstance(self.answer, SourceError):
            raise self.answer
        return self.answer

    async def close(self) -> None:
        pass
