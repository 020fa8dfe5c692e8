"""Where lines are after others came above them: who reads further down goes on reading the same ones. Pure."""

from collections.abc import Sequence


def moved_by(before: Sequence[str], after: Sequence[str], top: int) -> tuple[int, int]:
    """Return by how many lines what is in sight has moved down, and how many new ones now stand above it.

    Both lists are the keys of lines, `top` is the place of the first one in sight. Where that one is gone, the next
    below it counts.
    """
    places = {key: place for place, key in enumerate(after)}
    for place in range(top, len(before)):
        if (now := places.get(before[place])) is not None:
            known = set(before)
            return now - place, sum(key not in known for key in after[:now])
    return 0, 0
