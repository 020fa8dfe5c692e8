"""The Argos packs in memory: loaded at first use, the least recently used dropped when they outgrow their budget."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from appliance.engines.argos_model import ArgosModel
from appliance.engines.argos_packs import Pack, verify_files
from appliance.engines.warm import WarmModels

KIND = "pack"


class LoadedPacks:
    """The packs among the models in memory."""

    def __init__(self, models: WarmModels, *, threads: int, device: str, compute_type: str) -> None:
        """Load packs into this memory, with these settings of CTranslate2."""
        self._models = models
        self._threads, self._device, self._compute_type = threads, device, compute_type

    @property
    def packs(self) -> tuple[Pack, ...]:
        """Return the packs in memory, the least recently used first."""
        return self._models.loaded(KIND)

    @contextmanager
    def use(self, pack: Pack) -> Iterator[ArgosModel]:
        """Yield the pack's model, which stays in memory until the block ends; raise ModelCorrupt or ModelMissing."""

        def load() -> ArgosModel:
            verify_files(pack)
            return ArgosModel(pack.folder, threads=self._threads, device=self._device, compute_type=self._compute_type)

        with self._models.use(pack, KIND, pack.model_bytes, load) as model:
            yield model

    def keep_only(self, packs: Collection[Pack]) -> None:
        """Drop every model that is not among these packs; one in use goes when its use ends."""
        self._models.keep_only(packs, KIND)

    def close(self) -> None:
        """Drop every model; one in use goes when its use ends."""
        self.keep_only(())
