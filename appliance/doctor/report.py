"""What the doctor tells: findings of the checks, and what came of the run without a network."""

from typing import Literal

import msgspec

State = Literal["ok", "unused", "note", "wrong"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What one check came to."""

    check: str
    state: State
    says: str
    do: str = ""
    """What to do about it; empty where nothing has to be done."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step of the pipeline that was done; never what was said."""

    name: str
    says: str


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One place from which something tried to reach a network."""

    by: Literal["python", "native"]
    what: tuple[str, ...]
    """The calls in their order, with address or name where there was one."""
    where: tuple[str, ...]
    """Of Python: files, lines and functions, the innermost first. Natively: the library that called."""
    program: str
    """Name and id of the process."""


class AirGap(msgspec.Struct, frozen=True, kw_only=True):
    """The pipeline's run without a network."""

    steps: tuple[Step, ...]
    attempts: tuple[Attempt, ...]
    failed: str | None
    """Why the run did not come to its end; None where it did."""

    @property
    def passed(self) -> bool:
        """Return whether everything was done and nothing tried to reach a network."""
        return self.failed is None and not self.attempts
