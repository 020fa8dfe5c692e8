"""The model store: the only way to a model's path, and what it checks before it gives one."""

import json
import os

import pytest

from appliance.catalog.hashing import sha256_of
from appliance.catalog.lock import models_lock
from appliance.catalog.store import ModelStore
from appliance.errors import (
    CatalogInvalid,
    LicenceRefused,
    ModelCorrupt,
    ModelMissing,
    ModelUnpinned,
    NotFound,
    PullFailed,
)
from appliance.settings import Settings
from appliance.testing.small_catalog import FILES, entry, sha256, small_catalog, write_files

UNKNOWN_HASH = [{"path": "model.bin"}]


class CountingHasher:
    def __init__(self):
        self.read = []

    def __call__(self, path):
        self.read.append(path.name)
        return sha256_of(path)


@pytest.fixture
def hasher():
    return CountingHasher()


@pytest.fixture
def a_store(tmp_path, hasher):
    def make(catalog=None, **settings):
        return ModelStore(Settings(models_dir=tmp_path / "models", **settings), catalog or small_catalog(), hasher)

    return make


@pytest.fixture
def store(a_store):
    store = a_store()
    write_files(store.folder("small"))
    return store


def flip_a_byte(path):
    contents = bytearray(path.read_bytes())
    contents[7] ^= 1
    path.write_bytes(contents)


def test_a_whole_model_gives_its_folder(store):
    assert store.require("small") == store.root / "small"
    assert store.present("small")


def test_a_relative_models_folder_gives_absolute_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert ModelStore(Settings(models_dir="models"), small_catalog()).folder("small") == tmp_path / "models" / "small"


def test_a_model_that_is_not_installed_is_refused_with_the_command_that_fetches_it(a_store):
    with pytest.raises(ModelMissing, match=r"\./meeshy models pull small"):
        a_store().require("small")


def test_asking_for_a_missing_model_leaves_no_folder_behind(a_store):
    store = a_store()

    assert store.check("small").state == "missing"
    assert not store.root.exists()


def test_one_missing_file_makes_the_model_missing(store):
    (store.folder("small") / "voices" / "bob.bin").unlink()

    assert not store.present("small")
    with pytest.raises(ModelMissing):
        store.require("small")


def test_a_flipped_byte_is_refused_with_both_hashes(store):
    flip_a_byte(store.folder("small") / "model.bin")

    with pytest.raises(ModelCorrupt) as refusal:
        store.require("small")

    assert sha256(FILES["model.bin"]) in refusal.value.detail
    assert sha256_of(store.folder("small") / "model.bin") in refusal.value.detail


def test_a_byte_flipped_after_a_successful_load_is_noticed(store):
    store.require("small")
    flip_a_byte(store.folder("small") / "model.bin")

    with pytest.raises(ModelCorrupt):
        store.require("small")


def test_an_unchanged_file_is_read_once_and_remembered_across_processes(store, hasher, a_store):
    store.require("small")
    store.require("small")
    a_store().require("small")

    assert sorted(hasher.read) == ["ann.bin", "bob.bin", "model.bin"]


def test_only_the_touched_file_is_read_again(store, hasher):
    store.require("small")
    hasher.read.clear()
    os.utime(store.folder("small") / "voices" / "ann.bin", ns=(1, 1))

    store.require("small")

    assert hasher.read == ["ann.bin"]


def test_verification_on_demand_reads_files_whose_time_and_size_were_restored(store):
    path = store.folder("small") / "model.bin"
    store.require("small")
    before = path.stat()
    flip_a_byte(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert store.check("small").state == "installed"
    assert store.check("small", fresh=True).state == "corrupt"
    assert store.check("small").state == "corrupt"


@pytest.mark.parametrize("damage", ["not json", "[]", '{"small/model.bin": 3}'])
def test_a_damaged_memory_costs_a_reading_and_nothing_else(store, hasher, damage):
    store.require("small")
    (store.root / ".verified.json").write_text(damage)

    store.require("small")

    assert len(hasher.read) == 6


def test_a_research_licence_is_refused_by_a_commercial_site_even_if_installed(a_store):
    store = a_store(small_catalog(entry(commercial=False, licence="CPML")))
    write_files(store.folder("small"))

    with pytest.raises(LicenceRefused, match=r"CPML.*MEESHY_LICENCE=evaluation"):
        store.require("small")


def test_a_research_licence_loads_for_evaluation(a_store):
    store = a_store(small_catalog(entry(commercial=False, licence="CPML")), licence="evaluation")
    write_files(store.folder("small"))

    assert store.require("small").is_dir()


def test_an_unknown_model_is_not_found(store):
    with pytest.raises(NotFound):
        store.require("tiny")


def test_a_file_without_a_known_hash_does_not_load_until_the_site_pins_it(a_store):
    store = a_store(small_catalog(entry(file=UNKNOWN_HASH)))
    write_files(store.folder("small"), {"model.bin": b"unknown"})
    with pytest.raises(ModelUnpinned, match=r"\./meeshy models pin small"):
        store.require("small")

    pins = store.pin("small")

    assert pins == {"model.bin": sha256(b"unknown")}
    assert a_store(small_catalog(entry(file=UNKNOWN_HASH))).require("small").is_dir()


def test_a_pinned_file_that_changes_is_corrupt(a_store):
    store = a_store(small_catalog(entry(file=UNKNOWN_HASH)))
    write_files(store.folder("small"), {"model.bin": b"unknown"})
    store.pin("small")
    write_files(store.folder("small"), {"model.bin": b"unknowm"})

    with pytest.raises(ModelCorrupt):
        store.require("small")


def test_pinning_from_a_trusted_folder_judges_the_installed_files_by_it(a_store, tmp_path):
    store = a_store(small_catalog(entry(file=UNKNOWN_HASH)))
    write_files(store.folder("small"), {"model.bin": b"installed"})
    store.pin("small", write_files(tmp_path / "trusted", {"model.bin": b"trusted"}))

    with pytest.raises(ModelCorrupt):
        store.require("small")


def test_pinning_never_overrules_the_catalog(store, tmp_path):
    with pytest.raises(ModelCorrupt, match="instead of the catalog's"):
        store.pin("small", write_files(tmp_path / "other", dict.fromkeys(FILES, b"other")))

    assert not (store.root / "pins.json").exists()


def test_pinning_a_file_that_is_not_there_says_so(store, tmp_path):
    with pytest.raises(ModelMissing, match="cannot be pinned from there"):
        store.pin("small", tmp_path)


def test_damaged_pins_stop_loading_rather_than_being_forgotten(a_store):
    store = a_store(small_catalog(entry(file=UNKNOWN_HASH)))
    write_files(store.folder("small"), {"model.bin": b"unknown"})
    (store.root / "pins.json").write_text("{")

    with pytest.raises(CatalogInvalid, match=r"pins\.json"):
        store.require("small")


def test_the_fingerprint_of_one_file_is_its_hash_and_of_several_depends_on_all(a_store):
    one = a_store(small_catalog(entry({"a": b"a"})))
    several, changed = a_store(), a_store(small_catalog(entry(FILES | {"voices/bob.bin": b"bo"})))

    assert one.fingerprint("small") == sha256(b"a")
    assert len({one.fingerprint("small"), several.fingerprint("small"), changed.fingerprint("small")}) == 3


def test_removing_deletes_the_files_and_the_memory_forgets_them(store):
    store.require("small")

    assert store.remove("small") is True
    assert store.remove("small") is False
    assert not store.folder("small").exists()
    with pytest.raises(ModelMissing):
        store.require("small")


def test_the_memory_drops_files_that_are_gone(store):
    store.require("small")
    (store.folder("small") / "voices" / "bob.bin").unlink()
    os.utime(store.folder("small") / "model.bin", ns=(1, 1))

    store.check("small")

    assert "small/voices/bob.bin" not in json.loads((store.root / ".verified.json").read_text())


def test_nothing_is_removed_while_another_process_changes_the_models(store):
    with models_lock(store.root), pytest.raises(PullFailed, match=f"Process {os.getpid()} is changing"):
        store.remove("small")

    assert store.folder("small").exists()
