"""How long the steps of the history are, and for how long each kind is kept."""

HOUR_S, DAY_S = 3600.0, 86_400.0
KEPT_S: dict[int, float] = {10: 2 * HOUR_S, 900: 60 * DAY_S, 86_400: 4 * 365.25 * DAY_S}
"""Twice what can be looked at (an hour, 30 days, 24 months): a window is compared with the one before it."""
SHORTEST_S = min(KEPT_S)


def step_for(window_s: float) -> int:
    """Return the shortest step that a window, and the one before it, are kept in."""
    return next((step_s for step_s, kept_s in KEPT_S.items() if 2 * window_s <= kept_s), max(KEPT_S))


def start_of(at_s: float, step_s: int) -> int:
    """Return when the step began that a time lies in; days are those of UTC."""
    return int(at_s // step_s) * step_s
