"""Signs of the console, as Unicode and as ASCII, and how states look: a sign, a word and a tone.

A state is never told by colour alone: with one colour, or none, sign and word remain.
"""

from dataclasses import dataclass
from typing import Literal

Tone = Literal["plain", "good", "note", "warn", "bad", "quiet"]
"""What a colour stands for. `good` works, `note` is somebody's doing, `warn` needs a look, `bad` needs a hand."""

THEME_VARIABLES: dict[str, str] = {
    "plain": "$foreground",
    "good": "$success",
    "note": "$secondary",
    "warn": "$warning",
    "bad": "$error",
    "quiet": "$text-muted",
}
"""Each tone's colour, as a variable of the theme."""


@dataclass(frozen=True)
class Glyphs:
    """One set of signs; each is one column wide."""

    ok: str
    warn: str
    bad: str
    held: str
    idle: str
    ending: str
    cursor: str
    separator: str
    path: str
    up: str
    down: str
    same: str
    full: str
    cut: str
    bars: str
    """From lowest to highest; the lowest still shows that there is a value."""
    gap: str = " "

    def of(self, sign: str) -> str:
        """Return a sign by its name."""
        return getattr(self, sign)


UNICODE = Glyphs(
    ok="●", warn="▲", bad="✕", held="=", idle="○", ending="◌", cursor="›", separator="│", path="›",
    up="▲", down="▼", same="=", full="█", cut="…", bars="▁▂▃▄▅▆▇█",
)  # fmt: skip
ASCII = Glyphs(
    ok="+", warn="!", bad="x", held="=", idle="-", ending="~", cursor=">", separator="|", path=">",
    up="^", down="v", same="=", full="#", cut="~", bars="_.,:-=+#",
)  # fmt: skip


@dataclass(frozen=True)
class Look:
    """How a state looks: the name of its sign, its word, its tone."""

    sign: str
    word: str
    tone: Tone

    def text(self, glyphs: Glyphs) -> str:
        """Return sign and word."""
        return f"{glyphs.of(self.sign)} {self.word}"


def unknown_state(word: str) -> Look:
    """Return the look of a state that a newer server knows and this console does not: its word, toned down."""
    return Look("idle", word, "quiet")


def glyphs_for(ascii_only: bool, encoding: str | None) -> Glyphs:
    """Return the ASCII set where it is asked for or where the terminal's encoding has no other."""
    unicode = (encoding or "").lower().replace("-", "").startswith("utf")
    return ASCII if ascii_only or not unicode else UNICODE


Piece = tuple[str, Tone]
Line = list[Piece]
"""A line of text in pieces, each with its tone."""


def plain(line: Line) -> str:
    """Return a line's text alone."""
    return "".join(text for text, _ in line)
