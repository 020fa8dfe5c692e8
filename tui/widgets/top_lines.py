"""The two lines at the top of every screen: how fresh the picture is, and what is worst in it."""

from textual.content import Content
from textual.widgets import Static

from tui.glyphs import THEME_VARIABLES, Glyphs, Tone


def content(pieces: list[tuple[str, Tone]]) -> Content:
    """Return pieces of text in the colours of their tones."""
    return Content.assemble(*((text, THEME_VARIABLES[tone]) for text, tone in pieces))


class TopLine(Static):
    """One line of toned pieces."""

    DEFAULT_CSS = "TopLine { height: 1; padding: 0 1; text-wrap: nowrap; }"

    def __init__(self, glyphs: Glyphs, id: str) -> None:
        """Take the signs to draw with."""
        super().__init__("", id=id, markup=False)
        self.glyphs = glyphs

    def show(self, pieces: list[tuple[str, Tone]]) -> None:
        """Draw these pieces."""
        self.update(content(pieces))
