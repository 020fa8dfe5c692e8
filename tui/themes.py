"""Two themes: blue for well and orange for worse, which most colour-blind people can tell apart; high contrast."""

from textual.theme import Theme

BLUE_ORANGE = Theme(
    name="meeshy",
    primary="#4aa3df",
    secondary="#b39ddb",
    accent="#4aa3df",
    foreground="#d8dee9",
    background="#11151c",
    surface="#161b24",
    panel="#1d2430",
    success="#56b4e9",
    warning="#e69f00",
    error="#ff6e4a",
    dark=True,
)
HIGH_CONTRAST = Theme(
    name="high-contrast",
    primary="#ffffff",
    secondary="#ffffff",
    accent="#ffff00",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#000000",
    success="#00ffff",
    warning="#ffff00",
    error="#ff8080",
    dark=True,
    variables={"text-muted": "#c8c8c8"},
)
