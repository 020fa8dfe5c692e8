"""The Argos packs in memory: loaded at first use, the least recently used dropped when they outgrow their budget."""

import threading
from collections import OrderedDict
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from appliance.engines.argos_model import ArgosModel
from appliance.engines.argos_packs import Pack, verify_files


@dataclass(slots=True)
class _Place:
    """A pack's place: who loads it holds `loading`; it is free to go when it has no users."""

    loading: threading.Lock = field(default_factory=threading.Lock)
    model: ArgosModel | None = None
    users: int = 0
    removed: bool = False


class LoadedPacks:
    """Shares loaded models between threads. Different packs load side by side, the same pack only once."""

    def __init__(self, *, memory_bytes: int, threads: int, device: str, compute_type: str) -> None:
        """Keep the budget for the models' files in bytes; a single pack larger than it still loads."""
        self._memory_bytes = memory_bytes
        self._threads, self._device, self._compute_type = threads, device, compute_type
        self._lock = threading.Lock()
        self._places: OrderedDict[Pack, _Place] = OrderedDict()

    @property
    def packs(self) -> tuple[Pack, ...]:
        """Return the packs in memory, the least recently used first."""
        with self._lock:
            return tuple(pack for pack, place in self._places.items() if place.model is not None)

    @contextmanager
    def use(self, pack: Pack) -> Iterator[ArgosModel]:
        """Yield the pack's model, which stays in memory until the block ends; raise ModelCorrupt or ModelMissing."""
        with self._lock:
            place = self._places.setdefault(pack, _Place())
            place.users += 1
            self._places.move_to_end(pack)
        try:
            with place.loading:
                if place.model is None:
                    verify_files(pack)
                    place.model = ArgosModel(
                        pack.folder, threads=self._threads, device=self._device, compute_type=self._compute_type
                    )
                model = place.model
            yield model
        finally:
            with self._lock:
                place.users -= 1
                self._shrink()

    def keep_only(self, packs: Collection[Pack]) -> None:
        """Drop every model that is not among these packs; one in use goes when its use ends."""
        with self._lock:
            for pack, place in self._places.items():
                place.removed = pack not in packs
            self._shrink()

    def close(self) -> None:
        """Drop every model; one in use goes when its use ends."""
        self.keep_only(())

    def _shrink(self) -> None:
        """Drop idle models: those removed or never loaded, and the oldest until the rest fits; the newest may stay."""
        newest = next(reversed(self._places), None)
        for pack, place in list(self._places.items()):
            total_bytes = sum(loaded.model_bytes for loaded in self._places)
            too_much = total_bytes > self._memory_bytes and pack is not newest
            if place.users == 0 and (place.removed or place.model is None or too_much):
                del self._places[pack]
                if place.model is not None:
                    place.model.close()
