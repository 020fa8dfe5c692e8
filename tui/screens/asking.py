"""A screen that asks for what no picture holds: when, and one question at a time."""

from collections.abc import Awaitable, Callable

from textual import work

from tui.screens.picture import PictureScreen

ASKING = "Asking for it."
ASKED_EVERY_S = 5.0
"""How often at most while nobody does anything: with every picture, it would cost the appliance as much again."""
_NEVER_S = -1e9


class AskingScreen(PictureScreen):
    """It asks with the first picture that comes 5 s after it asked, and at once when somebody has done something."""

    def __init__(self) -> None:
        """Begin without having asked."""
        super().__init__()
        self._asking = False
        self._insisted: Callable[[], Awaitable[None]] | None = None
        self._asked_s = _NEVER_S

    async def question(self) -> None:
        """Ask for it, and draw the answer."""
        raise NotImplementedError

    @property
    def stands(self) -> bool:
        """Tell whether what was read stays until somebody asks for it."""
        return False

    def ask_in_turn(self) -> None:
        """Ask if it is time to, as after anything during which nothing was asked for."""
        if self.app.view.unasked:
            self._asked_s = _NEVER_S
        elif not (self.stands or self._asking) and self.app.clock.monotonic_s() - self._asked_s >= ASKED_EVERY_S:
            self._asked_s = self.app.clock.monotonic_s()
            self.ask_alone(self.question)

    def ask_anew(self) -> None:
        """Ask at once, and after the answer that is on its way: it may be from before what was done."""
        if not (self.stands or self.app.view.unasked):
            self._insist(self._unless_it_stands)

    async def _unless_it_stands(self) -> None:
        # When it was asked for, the page that makes it stand may have been on its way.
        if not self.stands:
            await self.question()

    def _insist(self, question: Callable[[], Awaitable[None]]) -> None:
        self._asked_s = self.app.clock.monotonic_s()
        self.ask_alone(question, insist=True)

    def sort_anew(self) -> None:
        """Let the order be as it should be, and begin with the first page again."""
        super().sort_anew()
        if not self.app.view.unasked:
            self._insist(self.question)

    def on_screen_suspend(self) -> None:
        """Ask at once when it comes to the front again."""
        self._asked_s = _NEVER_S

    def leave_filter(self) -> None:
        """Give the keys back to the table; whoever filters looks for what is there now."""
        super().leave_filter()
        self.ask_anew()

    @work(group="answers")
    async def ask_alone(self, question: Callable[[], Awaitable[None]], *, insist: bool = False) -> None:
        """Ask unless an answer is still on its way: slow ones are waited for.

        With `insist` it is asked for after that one.
        """
        if self._asking:
            self._insisted = question if insist else self._insisted
            return
        self._asking = True
        try:
            await question()
            while (again := self._insisted) is not None:
                self._insisted = None
                await again()
        finally:
            self._asking, self._insisted = False, None
