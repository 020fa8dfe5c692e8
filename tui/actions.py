"""What an operator can do to the selected thing: its target, the words of its dialog, what it expects to find."""

from dataclasses import dataclass, field
from typing import Literal

ActionKind = Literal["pause", "resume", "cancel", "retry", "retry_many", "drain", "undrain"]


@dataclass(frozen=True)
class Action:
    """One action on one thing, fixed at the moment its dialog opens: the picture may move on, the target does not."""

    kind: ActionKind
    target: tuple[str, ...]
    """Name of a lane, id of a worker or of a job; stage and priority of a bulk."""
    title: str
    facts: tuple[str, ...]
    """What it is about, in lines, as it was when the dialog opened."""
    effect: str
    """What will happen, in one or two sentences."""
    verb: str
    """The word on the button that does it."""
    idempotency_key: str
    reason_needed: bool = False
    expected_count: int | None = None
    """For a bulk: how many there are, which has to be typed, and which the appliance compares."""
    reason: str = field(default="", compare=False)
