"""Gets model files from a model hub with huggingface_hub's own command, so that its settings and tokens apply."""

import sys
from pathlib import Path

from appliance.catalog.client_process import run_client
from appliance.catalog.fetch import Fetching, known_total_bytes
from appliance.catalog.model import HubSource
from appliance.errors import PullFailed


class HubFetcher:
    """Downloads files of one repository at one commit.

    A child process rather than a call: the command can be ended at once, and its imports stay out of this process.
    """

    def __init__(self, source: HubSource) -> None:
        """Download from the source's repository and revision."""
        self._source = source

    def total_bytes(self, fetching: Fetching) -> int | None:
        """Return the size of the wanted files, None where one is not known."""
        return known_total_bytes(fetching)

    def fetch(self, fetching: Fetching) -> None:
        """Put every wanted file into the staging folder; a later pull goes on where this one ended."""
        folder = fetching.staging.work / "hub"
        folder.mkdir(parents=True, exist_ok=True)
        done_bytes = 0
        for wanted in fetching.wanted:
            # One file at a time: asked for several, the command ends with 0 when the hub cannot be reached and the
            # folder exists (huggingface_hub 2.4, snapshot_download returns what is there).
            self._download(wanted.file.path, folder, fetching, done_bytes)
            fetching.staging.accept(wanted.file, folder / wanted.file.path, wanted.sha256)
            done_bytes += (fetching.staging.files / wanted.file.path).stat().st_size
            fetching.on_bytes(done_bytes)

    def _download(self, path: str, folder: Path, fetching: Fetching, done_bytes: int) -> None:
        command = [sys.executable, "-P", "-m", "huggingface_hub.cli.hf", "download", self._source.repo, path]
        command += ["--revision", self._source.revision, "--local-dir", str(folder), "--quiet"]
        run_client(
            command, folder, lambda here: fetching.on_bytes(done_bytes + here), {"HF_HUB_DISABLE_TELEMETRY": "1"}
        )
        if not (folder / path).is_file():
            raise PullFailed(f"the hub's command gave no {path}")
