"""Hashes that the site itself vouches for, for files whose hash the catalog does not know."""

import json
from pathlib import Path

from appliance.errors import CatalogInvalid


class SitePins:
    """A JSON file `{model id: {file: sha256}}` in the models folder."""

    def __init__(self, path: Path) -> None:
        """Keep pins in `path`, made with the first pin."""
        self._path = path

    def get(self, model_id: str, file: str) -> str | None:
        """Return the pinned hash of a model's file, None where there is none."""
        return self._load().get(model_id, {}).get(file)

    def put(self, model_id: str, pins: dict[str, str]) -> None:
        """Replace a model's pins, in one step."""
        known = self._load() | {model_id: pins}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        partial = self._path.with_suffix(".partial")
        partial.write_text(json.dumps(known, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        partial.replace(self._path)

    def _load(self) -> dict[str, dict[str, str]]:
        if not self._path.exists():
            return {}
        try:
            known = json.loads(self._path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise CatalogInvalid(f"{self._path} is not valid JSON ({error}); pin the models again.") from error
        return {str(model): dict(files) for model, files in known.items()}
