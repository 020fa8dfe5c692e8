"""How a figure changed since the window before: a sign, and where there is room by how much."""

from tui.glyphs import Glyphs, Piece

SAME_WITHIN = 0.01
CHANGE_WIDTH = 8
"""Columns of a change with its figure: ` ▲ +0.09`."""


def change(
    now: float | None,
    before: float | None,
    glyphs: Glyphs,
    *,
    bound: float,
    lower_is_better: bool = False,
    figure: bool = False,
    percent: bool = False,
) -> Piece:
    """Return whether a ratio rose, fell or is the same within 0.01; `bound` is from where on a worse one needs a look.

    With `figure` it is CHANGE_WIDTH wide and says by how much, in hundredths or with `percent` in points.
    """
    if now is None or before is None:
        return (f"{'-':^3}".ljust(CHANGE_WIDTH) if figure else " ", "quiet")
    by = now - before
    amount = f"{100 * by:+.0f}%" if percent else f"{by:+.2f}"
    if abs(by) < SAME_WITHIN:
        return (f" {glyphs.same}".ljust(CHANGE_WIDTH) if figure else glyphs.same, "quiet")
    sign = glyphs.up if by > 0 else glyphs.down
    better = (by < 0) == lower_is_better
    text = f" {sign} {amount}".ljust(CHANGE_WIDTH) if figure else sign
    return (text, "good" if better else "warn" if abs(by) > bound else "plain")
