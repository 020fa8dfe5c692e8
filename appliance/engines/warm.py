"""Models in memory within a budget: some stay, the others come at first use and go when the room is needed.

Whoever uses a model holds a lease on it, and nothing that is leased is unloaded, however tight the budget is. What is
always warm (Whisper, the voice) has its bytes taken off the budget for good; the rest share what is left, the least
recently used going first. A single model that is larger than the rest still loads: work that was accepted is done.
"""

import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Collection, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Generic, Literal, Protocol, TypeVar

WHISPER, VOICE = "whisper", "voice"
"""The kinds of models that stay."""
Event = Literal["hit", "miss", "load", "eviction"]


class Closable(Protocol):
    """A loaded model."""

    def close(self) -> None:
        """Free its memory."""
        ...


_Model = TypeVar("_Model", bound=Closable)


@dataclass(slots=True)
class _Place(Generic[_Model]):
    """A model's place: who loads it holds `loading`; it is free to go when it has no users."""

    kind: str
    model_bytes: int
    loading: threading.Lock = field(default_factory=threading.Lock)
    model: _Model | None = None
    users: int = 0
    removed: bool = False


class WarmModels(Generic[_Model]):
    """Shares loaded models between threads. Different models load side by side, the same one only once."""

    def __init__(self, memory_bytes: int = 1 << 30) -> None:
        """Keep the models' bytes within this budget, in so far as they are not in use."""
        self._memory_bytes = memory_bytes
        self._lock = threading.Lock()
        self._places: OrderedDict[Hashable, _Place[_Model]] = OrderedDict()
        self._always: dict[str, int] = {}
        self._events: Counter[tuple[str, Event]] = Counter()
        self._listener: Callable[[str, Event], None] = lambda kind, event: None

    def tell(self, listener: Callable[[str, Event], None]) -> None:
        """Call a listener with what has happened so far and with everything from now on: kind and event."""
        with self._lock:
            self._listener = listener
            for (kind, event), count in self._events.items():
                for _ in range(count):
                    listener(kind, event)

    def keep_warm(self, kind: str, model_bytes: int) -> None:
        """Take a model's bytes off the budget for good: one that its engine loads once and never gives back."""
        with self._lock:
            self._always[kind] = model_bytes
            self._note(kind, "load")
            self._shrink()

    def used_warm(self, kind: str) -> None:
        """Count a use of a model that stays."""
        with self._lock:
            self._note(kind, "hit")

    @contextmanager
    def use(self, key: Hashable, kind: str, model_bytes: int, load: Callable[[], _Model]) -> Iterator[_Model]:
        """Yield a model, loaded where it is not in memory; it stays there until the block ends.

        `model_bytes` is what it takes. Raises what `load` raises; then nothing is kept.
        """
        with self._lock:
            place = self._places.setdefault(key, _Place(kind, model_bytes))
            place.users += 1
            self._places.move_to_end(key)
        try:
            with place.loading:
                if known := place.model is not None:
                    model = place.model
                else:
                    model = place.model = load()
            with self._lock:
                self._note(kind, "hit" if known else "miss")
                if not known:
                    self._note(kind, "load")
            yield model
        finally:
            with self._lock:
                place.users -= 1
                self._shrink()

    def keep_only(self, keys: Collection[Hashable], kind: str) -> None:
        """Drop every model of a kind that is not among these; one in use goes when its use ends."""
        with self._lock:
            for key, place in self._places.items():
                if place.kind == kind:
                    place.removed = key not in keys
            self._shrink()

    def loaded(self, kind: str) -> tuple[Hashable, ...]:
        """Return which models of a kind are in memory, the least recently used first."""
        with self._lock:
            return tuple(k for k, place in self._places.items() if place.kind == kind and place.model is not None)

    def bytes_by_kind(self) -> dict[str, int]:
        """Return what the models in memory take, those that stay included."""
        with self._lock:
            found = Counter(self._always)
            for place in self._places.values():
                if place.model is not None:
                    found[place.kind] += place.model_bytes
            return dict(found)

    def events(self) -> dict[tuple[str, Event], int]:
        """Return how often models of each kind were found in memory, were missing, were loaded and had to go."""
        with self._lock:
            return dict(self._events)

    def _note(self, kind: str, event: Event) -> None:
        self._events[kind, event] += 1
        self._listener(kind, event)

    def _shrink(self) -> None:
        """Drop idle models: those removed or never loaded, and the oldest until the rest fits; the newest may stay."""
        newest = next(reversed(self._places), None)
        for key, place in list(self._places.items()):
            total_bytes = sum(self._always.values()) + sum(each.model_bytes for each in self._places.values())
            too_much = total_bytes > self._memory_bytes and key is not newest
            if place.users == 0 and (place.removed or place.model is None or too_much):
                del self._places[key]
                if place.model is not None:
                    self._note(place.kind, "eviction")
                    place.model.close()
