"""Copies model files from a folder: the site's own, or one of this project's checkout."""

import shutil
from pathlib import Path

from appliance.catalog.fetch import Fetching, known_total_bytes
from appliance.errors import PullFailed


class FolderFetcher:
    """Copies from one folder that is laid out as the model is."""

    def __init__(self, folder: Path) -> None:
        """Copy from `folder`."""
        self._folder = folder

    def total_bytes(self, fetching: Fetching) -> int | None:
        """Return the size of the wanted files, None where one is not known."""
        return known_total_bytes(fetching)

    def fetch(self, fetching: Fetching) -> None:
        """Copy every wanted file, verified."""
        done_bytes = 0
        for wanted in fetching.wanted:
            origin = self._folder / wanted.file.path
            if not origin.is_file():
                raise PullFailed(f"there is no file {origin}")
            candidate = fetching.staging.work / "copied"
            shutil.copyfile(origin, candidate)
            done_bytes += candidate.stat().st_size
            fetching.staging.accept(wanted.file, candidate, wanted.sha256)
            fetching.on_bytes(done_bytes)
