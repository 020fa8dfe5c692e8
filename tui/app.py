"""The console: it follows one source, keeps the last good picture, and shows it on the screen in front."""

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import ClassVar

from textual import work
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.command import CommandPalette
from textual.screen import Screen

from appliance.admin.schema import Lane, Snapshot
from tui.actions import Action
from tui.clock import Clock
from tui.glyphs import ASCII, Glyphs
from tui.naming import has_dead_letters, lane_named
from tui.outcome import Outcome, carry_out
from tui.screen_keys import SCREEN_KEYS
from tui.screens import MODES
from tui.screens.asking import AskingScreen
from tui.screens.dead_letters import NO_DEAD_LETTERS, DeadLettersScreen
from tui.screens.help import NOT_TOLD, HelpScreen
from tui.screens.jobs import JobsScreen
from tui.screens.picture import PictureScreen
from tui.source import Outage, Source, SourceError
from tui.themes import BLUE_ORANGE, HIGH_CONTRAST
from tui.verdict import Finding
from tui.view import View
from tui.widgets.confirm import Confirm
from tui.widgets.key_line import SCREENS
from tui.widgets.row_table import RowTable

WIDE_FROM = 116
"""Columns from which panels stand beside the tables."""
INTERVALS_S = (1.0, 2.0, 5.0, 10.0, 30.0)
_NO_COMMANDS = ("command_palette", "app.focus_next", "app.focus_previous")


class Console(App[None]):
    """The terminal application."""

    TITLE = "meeshy console"
    CSS_PATH = "console.tcss"
    MODES = MODES
    DEFAULT_MODE = "overview"
    ENABLE_COMMAND_PALETTE = True
    HORIZONTAL_BREAKPOINTS: ClassVar[list[tuple[int, str]]] = [(0, "-narrow"), (WIDE_FROM, "-wide"), (160, "-broad")]
    VERTICAL_BREAKPOINTS: ClassVar[list[tuple[int, str]]] = [(0, "-low"), (34, "-tall")]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark", "help", "Help"),
        *(Binding(key, f"go('{mode}')", mode.capitalize(), group=SCREENS) for mode, key in SCREEN_KEYS.items()),
        Binding("colon", "command_palette", "Commands"),
        Binding("space", "freeze", "Freeze"),
        Binding("r", "now", "Now", show=False),
        Binding("plus", "interval(1)", "Redraw less often", show=False),
        Binding("minus", "interval(-1)", "Redraw more often", show=False),
        Binding("q", "quit", "Quit"),
    ]

    def __init__(
        self, source: Source, clock: Clock, glyphs: Glyphs, *, read_only: bool = False, interval_s: float = 2.0
    ) -> None:
        """Take where pictures come from, time, the signs to draw with, and how often to redraw at most."""
        super().__init__()
        self.source = source
        self.clock = clock
        self.glyphs = glyphs
        self.interval_s = interval_s
        self.view = View(source.name, read_only=read_only or source.read_only, plays=source.plays)
        self._drawn_s = -1e9
        self._asking_me = False
        self.register_theme(BLUE_ORANGE)
        self.register_theme(HIGH_CONTRAST)
        self.theme = BLUE_ORANGE.name
        self.set_class(glyphs is ASCII, "-ascii")

    def on_mount(self) -> None:
        """Begin to follow the source."""
        self.set_interval(1.0, self.tick)
        self.follow()

    @work(exclusive=True, group="follow")
    async def follow(self) -> None:
        """Take every picture and every outage as it comes; for ever."""
        async for news in self.source.follow():
            if isinstance(news, Outage):
                self.look(self.view.with_outage(news, self.clock.monotonic_s()))
            else:
                self._take(news)

    def _take(self, snapshot: Snapshot) -> None:
        """Draw a picture; who asks is found out beside it, at first and after an outage."""
        back = self.view.outage is not None
        self.look(self.view.with_snapshot(snapshot, self.clock.monotonic_s(), self.clock.now_s()))
        if (self.view.me is None or back) and not self._asking_me:
            self._ask_me()

    @work(group="me")
    async def _ask_me(self) -> None:
        self._asking_me = True
        try:
            me = await self.source.me()
        except SourceError as failure:
            me = None
            self.log.warning(str(failure))
        finally:
            self._asking_me = False
        self.look(replace(self.view, me=me))

    def look(self, view: View) -> None:
        """Keep what is known from now on and draw it, but pictures no more often than the interval."""
        offers = (self.view.may_act, self.view.can_act_now)
        changed = self.view.snapshot is None or any(
            getattr(view, name) != getattr(self.view, name) for name in ("outage", "frozen", "me")
        )
        self.view = view
        if offers != (view.may_act, view.can_act_now):
            self.screen.refresh_bindings()
        now_s = self.clock.monotonic_s()
        # A picture that comes a moment early is drawn: the server's interval and this one are no common clock.
        if changed or now_s - self._drawn_s >= 0.8 * self.interval_s:
            self._drawn_s = now_s
            self.draw()

    def draw(self) -> None:
        """Show the picture on the screen in front."""
        if (front := self.front) is not None:
            front.show(self.view)

    def tick(self) -> None:
        """Let ages in the first line go on."""
        if (front := self.front) is not None:
            front.show_age(self.view)

    @property
    def front(self) -> PictureScreen | None:
        """Return the screen in front, or the one behind an open dialog."""
        return next((screen for screen in reversed(self.screen_stack) if isinstance(screen, PictureScreen)), None)

    def action_go(self, mode: str) -> None:
        """Change to another screen; each keeps where one was in it."""
        self.switch_mode(mode)

    def action_freeze(self) -> None:
        """Hold the picture, or let it go on; pictures are collected meanwhile."""
        self.look(self.view.toggled())

    def action_now(self) -> None:
        """Ask at once and sort anew."""
        self.source.hurry()
        if isinstance(self.screen, PictureScreen):
            self.screen.sort_anew()
        self.draw()

    def action_interval(self, by: int) -> None:
        """Redraw less or more often."""
        nearest = min(range(len(INTERVALS_S)), key=lambda place: abs(INTERVALS_S[place] - self.interval_s))
        self.interval_s = INTERVALS_S[max(0, min(len(INTERVALS_S) - 1, nearest + by))]
        self.notify(f"Redrawn every {self.interval_s:.0f} s at most.", timeout=2)

    def action_help(self) -> None:
        """Show every key that does something here."""
        self.push_screen(HelpScreen(self.screen))

    async def open_lane(self, name: str) -> None:
        """Show the jobs of a lane over the queues, in the place of whatever was opened there before."""
        lane = lane_named(self.view.snapshot, name)
        if lane is not None:
            await self._go_to("queues", name)
            self.push_screen(JobsScreen(lane))

    def open_dead_letters(self, lane: Lane) -> None:
        """Show the dead letters of a lane over the screen in front."""
        if has_dead_letters(lane):
            self.push_screen(DeadLettersScreen(lane))
        else:
            self.notify(NO_DEAD_LETTERS)

    async def open_worker(self, worker_id: str) -> None:
        """Show a worker among all."""
        await self._go_to("workers", worker_id)

    async def open_finding(self, finding: Finding) -> None:
        """Show the thing that a finding is about, where it has a screen of its own."""
        await self._go_to(finding.screen, finding.key)

    async def _go_to(self, mode: str, key: str) -> None:
        """Change to a screen as it is without anything opened from it, with the cursor on a row if it has that."""
        await self.switch_mode(mode)
        while len(self.screen_stack) > 1:
            await self.pop_screen()
        for table in self.screen.query(RowTable):
            table.point_at(key)

    def ask(self, action: Action | None, otherwise: str) -> None:
        """Open an action's dialog; without an action say why there is none."""
        if action is None:
            self.notify(otherwise, severity="warning")
            return
        self.push_screen(Confirm(action), self._confirmed)

    def _confirmed(self, action: Action | None) -> None:
        if action is not None:
            self.carry_out(action)

    @work(group="act")
    async def carry_out(self, action: Action) -> None:
        """Have an action done once, say what became of it, and look at once what that changed."""
        self.tell(await carry_out(self.source, action, self.clock, self.tell))
        self.source.hurry()
        if isinstance(front := self.front, AskingScreen):
            front.ask_anew()

    def tell(self, outcome: Outcome) -> None:
        """Say what became of an action; nothing in it is read as markup."""
        self.notify(outcome.says, title=outcome.title, severity=outcome.severity, timeout=outcome.shown_s, markup=False)

    def warn(self, sentence: str) -> None:
        """Say what is wrong with the console itself; it goes on."""
        self.notify(sentence, severity="warning", timeout=15.0, markup=False)

    def get_key_display(self, binding: Binding) -> str:
        """Return how a key is called; in ASCII its name, where Textual has a sign."""
        shown = super().get_key_display(binding)
        return shown if shown.isascii() or self.glyphs is not ASCII else binding.key

    def action_command_palette(self) -> None:
        """Open the list of commands."""
        if not CommandPalette.is_open(self):
            self.push_screen(CommandPalette(placeholder="Search for commands", id="--command-palette"))

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Yield what the palette offers: themes, screens, and the keys that do something here."""
        for mode, key in SCREEN_KEYS.items():
            yield SystemCommand(f"Screen: {mode}", f"Key {key}", lambda mode=mode: self.switch_mode(mode))
        yield SystemCommand("Theme", "Change the colours", self.action_change_theme)
        told = set(NOT_TOLD) | set(_NO_COMMANDS)
        for node, binding, enabled, _ in screen.active_bindings.values():
            ours = node in (self, screen) and not binding.action.startswith("go(")
            if ours and enabled and binding.description and binding.action not in told:
                told.add(binding.action)
                run = partial(self.call_later, screen.run_action, binding.action)
                yield SystemCommand(binding.description, f"Key {self.get_key_display(binding)}", run)
