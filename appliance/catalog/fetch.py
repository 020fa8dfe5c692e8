"""What every kind of source has to do, and what it is given for it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from appliance.catalog.model import Model, ModelFile
from appliance.catalog.staging import Staging


@dataclass(frozen=True, slots=True)
class WantedFile:
    """A file that is still missing, with the hash it must have (None: not known to catalog or site)."""

    file: ModelFile
    sha256: str | None


@dataclass(frozen=True, slots=True)
class Fetching:
    """One model's missing files, where to put them, and whom to tell how many bytes are here."""

    model: Model
    wanted: Sequence[WantedFile]
    staging: Staging
    on_bytes: Callable[[int], None]


class Fetcher(Protocol):
    """Gets files from one source."""

    def total_bytes(self, fetching: Fetching) -> int | None:
        """Return how many bytes have to come, None if nobody knows."""
        ...

    def fetch(self, fetching: Fetching) -> None:
        """Put every wanted file into the staging folder, verified; raise PullFailed or ModelCorrupt where it cannot."""
        ...


def known_total_bytes(fetching: Fetching) -> int | None:
    """Return the wanted files' size, None where the catalog does not know one."""
    sizes = [wanted.file.size_bytes for wanted in fetching.wanted]
    return None if None in sizes else sum(size or 0 for size in sizes)
