"""Every key that does something on the screen behind, made from the bindings themselves."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

SIGNS = """\
good: works    held (=): somebody's doing    ! or a triangle: needs a look    x: needs a hand
Capital letters act on the selected thing, after a question. Nothing acts without one."""

NOT_TOLD = ("screen.copy_text", "help_quit", "app.help_quit")
"""Textual's own, which need no telling."""


class HelpScreen(ModalScreen[None]):
    """A list that closes with any of the keys that open or leave things."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,question_mark,q", "dismiss", "Close", show=False)]

    def __init__(self, behind: Screen[object]) -> None:
        """Take the screen that is asked about."""
        super().__init__()
        self._rows = help_rows(behind)

    def compose(self) -> ComposeResult:
        """Lay out the list."""
        with VerticalScroll(id="help") as panel:
            panel.border_title = "Keys"
            yield Static(Content("\n".join(f"{key:<12} {what}" for key, what in self._rows) + "\n\n" + SIGNS))


def help_rows(screen: Screen[object]) -> list[tuple[str, str]]:
    """Return key and meaning of every binding that is active on a screen, hidden actions left out."""
    rows: dict[str, list[str]] = {}
    for _, binding, _, _ in screen.active_bindings.values():
        if binding.description and not binding.system and binding.action not in NOT_TOLD:
            rows.setdefault(binding.description, []).append(screen.app.get_key_display(binding))
    return [(" ".join(keys), description) for description, keys in rows.items()]
