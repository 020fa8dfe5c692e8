"""Models in memory: nothing in use goes, what stays has its room, the rest takes turns within the budget."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from appliance.engines.argos import ArgosTranslator
from appliance.engines.argos_packs import ArgosPacks
from appliance.engines.protocols import TranslateRequest
from appliance.engines.warm import VOICE, WHISPER, WarmModels
from appliance.errors import ModelCorrupt
from appliance.telemetry.metrics import Metrics
from appliance.testing.tiny_argos_pack import build_tiny_pack

WORDS = {"hello": "bonjour", "world": "monde"}


class Model:
    """Something that can be closed, once."""

    def __init__(self, name: str) -> None:
        self.name, self.closed = name, 0

    def close(self) -> None:
        self.closed += 1


class Shelf:
    """Models of one byte each by name, with all that were ever loaded."""

    def __init__(self, memory_bytes: int) -> None:
        self.models = WarmModels(memory_bytes)
        self.made: list[Model] = []

    def load(self, name: str) -> Model:
        self.made.append(Model(name))
        return self.made[-1]

    def use(self, name: str, model_bytes: int = 1):
        return self.models.use(name, "pack", model_bytes, lambda: self.load(name))

    def used(self, *names: str) -> None:
        for name in names:
            with self.use(name):
                pass

    @property
    def loaded(self) -> tuple:
        return self.models.loaded("pack")


def test_the_least_recently_used_goes_when_the_room_is_needed():
    shelf = Shelf(2)
    shelf.used("a", "b", "a", "c")
    assert shelf.loaded == ("a", "c")
    assert [(model.name, model.closed) for model in shelf.made] == [("a", 0), ("b", 1), ("c", 0)]


def test_a_model_in_use_is_never_unloaded_however_tight_the_budget():
    shelf = Shelf(1)
    with shelf.use("a") as model:
        shelf.used("b", "c", "d")
        shelf.models.keep_only([], "pack")
        assert (model.closed, shelf.loaded[0]) == (0, "a")
    assert model.closed == 1


def test_one_that_is_larger_than_everything_loads_and_goes_when_the_next_one_comes():
    shelf = Shelf(1)
    with shelf.use("huge", 100):
        pass
    assert shelf.loaded == ("huge",)
    shelf.used("small")
    assert shelf.loaded == ("small",)


def test_what_stays_takes_its_bytes_from_the_others_and_never_goes():
    shelf = Shelf(4)
    shelf.used("a", "b", "c")
    shelf.models.keep_warm(WHISPER, 1)
    shelf.models.keep_warm(VOICE, 2)
    assert shelf.loaded == ("c",)
    shelf.used("d")
    assert shelf.models.bytes_by_kind() == {WHISPER: 1, VOICE: 2, "pack": 1}


def test_a_model_that_cannot_be_loaded_leaves_its_place_to_another_try():
    shelf = Shelf(2)

    def broken() -> Model:
        raise ModelCorrupt("changed on disk")

    with pytest.raises(ModelCorrupt), shelf.models.use("a", "pack", 1, broken):
        pass
    assert shelf.loaded == ()
    shelf.used("a")
    assert shelf.loaded == ("a",)


def test_one_kind_is_cleared_without_the_others():
    shelf = Shelf(10)
    shelf.used("a", "b")
    with shelf.models.use("other", "voice", 1, lambda: shelf.load("other")):
        pass
    shelf.models.keep_only(["b"], "pack")
    assert (shelf.loaded, shelf.models.loaded("voice")) == (("b",), ("other",))


def test_threads_that_want_one_model_load_it_once_and_other_models_side_by_side():
    shelf = Shelf(10)
    both = threading.Barrier(2)

    def meet(name: str) -> Model:
        both.wait(10)  # would break if one waited for the other's loading
        return shelf.load(name)

    def want(name: str) -> str:
        with shelf.models.use(name, "pack", 1, lambda: meet(name)) as model:
            return model.name

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(want, ["a", "b", "a", "b", "a", "b"])) == ["a", "b"] * 3
    assert Counter(model.name for model in shelf.made) == {"a": 1, "b": 1}


def test_every_use_counts_once_and_what_came_before_the_metrics_counts_too():
    shelf = Shelf(1)
    shelf.models.keep_warm(WHISPER, 0)
    shelf.used("a")
    metrics = Metrics()
    shelf.models.tell(metrics.model_event)
    shelf.used("a", "b", "a")
    shelf.models.used_warm(WHISPER)
    text = metrics.text().decode()
    for line in (
        'meeshy_cache_lookups_total{kind="pack",level="l3",outcome="hit"} 1.0',
        'meeshy_cache_lookups_total{kind="pack",level="l3",outcome="miss"} 3.0',
        'meeshy_cache_lookups_total{kind="whisper",level="l3",outcome="hit"} 1.0',
        'meeshy_model_loads_total{kind="pack"} 3.0',
        'meeshy_model_loads_total{kind="whisper"} 1.0',
        'meeshy_model_evictions_total{kind="pack"} 2.0',
    ):
        assert line in text.splitlines()


def test_two_real_packs_take_turns_in_the_room_of_one(tmp_path: Path):
    packs = ArgosPacks(tmp_path / "packs")
    for source, target, words in (("en", "fr", WORDS), ("fr", "en", {v: k for k, v in WORDS.items()})):
        packs.install(build_tiny_pack(tmp_path / f"{source}_{target}.argosmodel", source, target, words))
    models = WarmModels(int(1.5 * packs.find("en", "fr").model_bytes))
    with ArgosTranslator(packs, models=models) as translator:
        for _ in range(2):
            there, back = translator.translate(
                [TranslateRequest(("hello world",), "en", "fr"), TranslateRequest(("bonjour monde",), "fr", "en")]
            )
            assert (there.text, back.text) == ("bonjour monde", "hello world")
            assert len(models.loaded("pack")) == 1
        assert models.events() == {("pack", "miss"): 4, ("pack", "load"): 4, ("pack", "eviction"): 3}
        assert models.bytes_by_kind()["pack"] <= 1.5 * packs.find("en", "fr").model_bytes
    assert models.loaded("pack") == ()
