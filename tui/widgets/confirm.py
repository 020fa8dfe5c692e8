"""The dialog before every action: which thing, what will happen, and No under the cursor."""

from dataclasses import replace
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Label

from tui.actions import Action


class Confirm(ModalScreen[Action | None]):
    """Returns the action with the reason that was typed, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n,escape", "no", "No", show=False),
        Binding("y", "yes", "Yes", show=False),
        Binding("left,right", "swap", "Other button", show=False),
    ]
    AUTO_FOCUS = "#no"

    def __init__(self, action: Action) -> None:
        """Take the action as it was when its key was pressed."""
        super().__init__()
        self.action = action

    def compose(self) -> ComposeResult:
        """Lay out target, effect, fields and buttons."""
        with Vertical(id="dialog") as dialog:
            dialog.border_title = Content(self.action.title)
            for fact in self.action.facts:
                yield Label(Content(fact), classes="fact")
            yield Label(Content(self.action.effect), classes="effect")
            if self.action.expected_count is not None:
                yield Input(placeholder=f"type {self.action.expected_count} to confirm", id="count", compact=True)
            needed = "needed" if self.action.reason_needed else "optional"
            yield Input(placeholder=f"reason ({needed})", id="reason", max_length=200, compact=True)
            yield Label("", id="missing")
            with Horizontal(id="buttons"):
                yield Button(Content("No (n)"), id="no", compact=True)
                yield Button(Content(f"{self.action.verb} (y)"), id="yes", compact=True)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Do what the button says."""
        if event.button.id == "yes":
            self.action_yes()
        else:
            self.action_no()

    def on_input_submitted(self) -> None:
        """Leave a field for the buttons, where No is."""
        self.set_focus(self.query_one("#no"))

    def action_swap(self) -> None:
        """Go to the other button."""
        no, yes = self.query_one("#no"), self.query_one("#yes")
        self.set_focus(yes if self.focused is no else no)

    def action_no(self) -> None:
        """Close without doing anything."""
        self.dismiss(None)

    def action_yes(self) -> None:
        """Close and have it done, unless something that is needed is missing."""
        reason = self.query_one("#reason", Input).value.strip()
        wanted = self.action.expected_count
        if wanted is not None and self.query_one("#count", Input).value.strip() != str(wanted):
            self._missing("#count", f"Type {wanted} first: that many there are.")
        elif self.action.reason_needed and not reason:
            self._missing("#reason", "A reason is needed; it goes into the audit.")
        else:
            self.dismiss(replace(self.action, reason=reason))

    def _missing(self, field: str, sentence: str) -> None:
        self.query_one("#missing", Label).update(Content(sentence))
        self.set_focus(self.query_one(field))
