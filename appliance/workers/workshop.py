"""A worker's start, the same for every kind of worker: database, phrase library, engines loaded and proven."""

import os
from collections.abc import Callable, Collection, Iterator
from contextlib import closing, contextmanager
from typing import Protocol

from appliance.settings import Settings
from appliance.stages.context import Context
from appliance.storage.database import Database
from appliance.storage.migrate import migrate
from appliance.workers.phrases import load_phrases
from appliance.workers.presence import at_work


class Workshop(Protocol):
    """What a worker works with; `assembly.Assembled` is the real one."""

    context: Context

    def warm(self, families: Collection[str]) -> None:
        """Load what these families of work need and prove that it works, or raise a MeeshyError."""
        ...

    def close(self) -> None:
        """Free what was loaded."""
        ...


LESS_URGENT = 5
"""How far, as `nice` counts, a worker's process gives way to others on its host, the API's above all: a request is
answered, refused or found among the kept answers without waiting behind engines. Beside a process that computes without
a pause it gets a quarter of the time; beside idle ones, all of it."""

Build = Callable[[Settings, Database], Workshop]


@contextmanager
def opened(settings: Settings, build: Build, families: Collection[str]) -> Iterator[Workshop]:
    """Yield a workshop that is ready for these families; raises the MeeshyError that says why there is none."""
    # Of this thread, and so of every one that the engines start; a worker that gives way already is left as it is.
    os.setpriority(os.PRIO_PROCESS, 0, max(LESS_URGENT, os.getpriority(os.PRIO_PROCESS, 0)))
    with at_work(settings.data_dir), closing(Database(settings.database)) as database:
        migrate(database)
        load_phrases(database)
        with closing(build(settings, database)) as workshop:
            workshop.warm(families)
            yield workshop
