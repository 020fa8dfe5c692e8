"""Screen 6: how good translations and voices are, and what the caches answer, over a day, a month and two years."""

from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal

from appliance.admin.schema import History, Quality, Snapshot
from tui.glyphs import Line
from tui.panels.cache import window_cache_lines
from tui.panels.quality import quality_lines
from tui.panels.trend import drawn_of, trend_lines
from tui.screens.asking import ASKING, AskingScreen
from tui.source import SourceError
from tui.versions import untold
from tui.widgets.panel import Panel

DAY_S = 86_400.0
WINDOWS = {"24 h": DAY_S, "30 d": 30 * DAY_S, "24 months": 730 * DAY_S}
SOONEST_S, LATEST_S, AFTER_FAILURE_S = 60.0, 600.0, 10.0
STEPS = 1440
"""A window is asked for anew when one of so many parts of it has passed, within SOONEST_S and LATEST_S."""


@dataclass(frozen=True)
class _Answer:
    """What was told of a window, and what was not."""

    asked_s: float
    quality: Quality | None = None
    history: History | None = None
    failure: str = ""


class QualityScreen(AskingScreen):
    """Three panels over one window, which a key changes."""

    AUTO_FOCUS = "#quality"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("w", "window", "Window")]

    def __init__(self) -> None:
        """Begin with a day, of which the picture itself tells the most."""
        super().__init__()
        self._window = next(iter(WINDOWS))
        self._answers: dict[str, _Answer] = {}

    def body(self) -> ComposeResult:
        """Lay out the panels."""
        yield Panel("Quality", "quality")
        with Horizontal(id="below"):
            yield Panel("Caches", "caches")
            yield Panel("Over time", "trend")

    def draw(self, snapshot: Snapshot) -> None:
        """Draw the figures; ask for them anew from time to time."""
        self._draw_window(snapshot)
        if not self.app.view.unasked:
            self.ask_alone(self.question)

    def action_window(self) -> None:
        """Go on to the next window."""
        names = list(WINDOWS)
        self._window = names[(names.index(self._window) + 1) % len(names)]
        self.show(self.app.view)

    def sort_anew(self) -> None:
        """Ask for everything anew."""
        super().sort_anew()
        self._answers = {name: _Answer(-1e9, each.quality, each.history) for name, each in self._answers.items()}

    async def question(self) -> None:
        """Ask for the window in front as long as another one came to the front meanwhile."""
        while self._due():
            name, asked_s = self._window, self.app.clock.monotonic_s()
            before = self._answers.get(name, _Answer(asked_s))
            quality, history, failure = before.quality, before.history, ""
            try:
                quality = await self.app.source.quality(WINDOWS[name])
                history = await self._history(WINDOWS[name], quality)
            except SourceError as refusal:
                failure = str(refusal)
            self._answers[name] = _Answer(asked_s, quality, history, failure)
            if self.app.view.snapshot is not None:
                self._draw_window(self.app.view.snapshot)

    def _due(self) -> bool:
        answer = self._answers.get(self._window)
        if answer is None:
            return True
        wait_s = AFTER_FAILURE_S if answer.failure else max(SOONEST_S, min(LATEST_S, WINDOWS[self._window] / STEPS))
        return self.app.clock.monotonic_s() - answer.asked_s >= wait_s

    async def _history(self, window_s: float, quality: Quality) -> History:
        """Return the series that are drawn, of those that the window has."""
        known = (await self.app.source.history(window_s)).known
        return await self.app.source.history(window_s, drawn_of(known, quality))

    def _draw_window(self, snapshot: Snapshot) -> None:
        answer, glyphs = self._answers.get(self._window, _Answer(0.0)), self.glyphs
        quality, history = answer.quality, answer.history
        if quality is None and not untold(snapshot, "quality") and WINDOWS[self._window] == snapshot.quality.window_s:
            quality = snapshot.quality
        nothing: list[Line] = [[(answer.failure or self.app.view.unasked or ASKING, "quiet")]]
        panel, caches, trend = (self.query_one(f"#{name}", Panel) for name in ("quality", "caches", "trend"))
        since = f"{self._window}, change since the {self._window} before"
        panel.head(f"Quality  last {since}" if not answer.failure or quality is None else f"Quality  {answer.failure}")
        caches.head(f"Caches  last {self._window}")
        trend.head(f"Over time  last {self._window}")
        panel.show(lambda width: quality_lines(quality, width, glyphs) if quality is not None else nothing)
        caches.show(lambda width: window_cache_lines(answer.quality, glyphs) if answer.quality is not None else nothing)
        trend.show(lambda width: trend_lines(history, width, glyphs) if history is not None else nothing)
