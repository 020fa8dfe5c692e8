"""Ages as wire types tell them: by the server's clock, to the millisecond."""


def ago_s(at_s: float | None, now_s: float) -> float | None:
    """Return how many seconds ago a time was, never less than 0; None where it never was."""
    return None if at_s is None else age_s(at_s, now_s)


def age_s(at_s: float, now_s: float) -> float:
    """Return how many seconds ago a time was, never less than 0."""
    return round(max(0.0, now_s - at_s), 3)
