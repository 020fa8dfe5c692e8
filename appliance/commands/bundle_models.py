"""What the catalog tells the builder of bundles about a preset's models."""

from collections.abc import Sequence
from pathlib import Path

from appliance.catalog.catalog import Catalog
from appliance.catalog.model import HubSource, Model
from appliance.catalog.pull import pull
from appliance.catalog.store import ModelStore
from appliance.errors import LicenceRefused, MeeshyError
from appliance.settings import Settings
from installer.build.failure import FetchFailed
from installer.build.models import ModelFile, ModelWanted


class CatalogModels:
    """The models of this project's catalog, under the site's licence policy."""

    def __init__(self, settings: Settings, catalog: Catalog | None = None) -> None:
        """Fetch into the models folder of these settings."""
        self._store = ModelStore(settings, catalog)

    def wanted(self, preset: str) -> Sequence[ModelWanted]:
        """Return the preset's models without those that the policy forbids: such a bundle must not carry them."""
        return [self._wanted(model) for model in self._store.catalog.of_set(preset) if self._allowed(model)]

    def folder(self, model_id: str) -> Path:
        """Return the folder of a model, pulled if need be."""
        try:
            pull(self._store, [model_id])
            return self._store.require(model_id)
        except MeeshyError as error:
            raise FetchFailed(error.detail) from error

    def _allowed(self, model: Model) -> bool:
        try:
            self._store.check_licence(model.id)
        except LicenceRefused:
            return False
        return True

    def _wanted(self, model: Model) -> ModelWanted:
        files = tuple(
            ModelFile(file.path, self._store.expected_sha256(model, file), file.size_bytes) for file in model.files
        )
        revisions = [source.revision for source in model.sources if isinstance(source, HubSource)]
        # Models have no versions of their own: the publisher's commit where there is one, else what they are.
        version = (revisions or [self._store.fingerprint(model.id)])[0][:12]
        return ModelWanted(model.id, version, model.licence, files)
