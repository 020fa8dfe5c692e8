"""What every duty works with, and what it says afterwards."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import msgspec
import sqlalchemy as sa

from appliance.settings import Settings
from appliance.storage.database import Database
from appliance.storage.objects import ObjectStore


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What one round of a duty came to."""

    found: int
    """What was due when it looked."""
    done: int
    """What it dealt with: a round is bounded, and a dry run deals with nothing."""


@dataclass(frozen=True)
class House:
    """The appliance as a duty sees it."""

    database: Database
    objects: ObjectStore
    settings: Settings
    dry_run: bool = False
    rest: Callable[[float], None] = lambda _: None
    """Waits so many seconds, in which others have their turn to write."""

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """Yield a connection in a transaction that commits at the end, or is taken back in a dry run.

        So a dry run of what only concerns rows finds exactly what the real one would do.
        """
        try:
            with self.database.write() as connection:
                yield connection
                if self.dry_run:
                    raise _TakenBack
        except _TakenBack:
            pass

    def outcome(self, due: int) -> Outcome:
        """Return the outcome of a duty that deals with everything it finds."""
        return Outcome(found=due, done=0 if self.dry_run else due)


class _TakenBack(Exception):
    pass
