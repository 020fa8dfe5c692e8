"""The committed models/catalog.toml itself."""

import re

import pytest

from appliance.catalog.catalog import CHECKOUT, Catalog
from appliance.catalog.hashing import sha256_of
from appliance.catalog.model import PackageSource, RepositorySource
from appliance.languages import NAMES

CATALOG = Catalog.load()
SINGLE = [pytest.param(model, id=model.id) for model in CATALOG]


def test_the_starter_set_has_a_model_for_every_task_of_the_demo():
    assert {model.task for model in CATALOG.of_set("starter")} >= {
        "transcription",
        "synthesis",
        "speaker-encoder",
        "recording",
    }


def test_the_starter_set_may_be_used_commercially_and_stays_small():
    starter = CATALOG.of_set("starter")

    assert all(model.commercial for model in starter)
    assert sum(model.size_bytes for model in starter) < 400e6


def test_the_hashes_that_the_project_names_are_the_catalogs():
    def sha256(model_id, path):
        return next(file.sha256 for file in CATALOG[model_id].files if file.path == path)

    assert sha256("whisper-base", "model.bin") == "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"
    assert sha256("kokoro-82m-int8", "model.onnx") == "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"
    assert sha256("demo-recording", "jfk.wav") == "59dfb9a4acb36fe2a2affc14bacbee2920ff435cb13cc314a08c13f66ba7860e"


def test_kokoro_comes_with_its_54_voices_of_510_styles_each():
    voices = [file for file in CATALOG["kokoro-82m-int8"].files if file.path.startswith("voices/")]

    assert len(voices) == 54
    assert {file.size_bytes for file in voices} == {510 * 1 * 256 * 4}


def test_the_research_voice_is_marked_as_not_for_commercial_use():
    assert [model.id for model in CATALOG if not model.commercial] == ["xtts-v2"]


@pytest.mark.parametrize("model", SINGLE)
def test_every_model_names_languages_the_appliance_knows(model):
    assert set(model.languages) <= set(NAMES)


@pytest.mark.parametrize("model", SINGLE)
def test_every_file_is_pinned(model):
    assert all(file.sha256 and file.size_bytes is not None for file in model.files)


@pytest.mark.parametrize("model", SINGLE)
def test_every_model_can_come_from_a_site_without_internet(model):
    kinds = [source.kind for source in model.sources]

    assert {"folder", "mirror"} <= set(kinds)
    assert len(kinds) > 2 or model.sets == ("production",)


def test_no_host_stands_in_the_catalog():
    text = (CHECKOUT / "models" / "catalog.toml").read_text(encoding="utf-8")

    assert not re.search(r"https?:|\b[a-z0-9-]+\.(com|org|net|io|co|dev)\b", text)


def test_a_committed_file_is_the_one_in_the_checkout():
    committed = [(m, s) for m in CATALOG for s in m.sources if isinstance(s, RepositorySource)]

    for model, source in committed:
        for file in model.files:
            assert sha256_of(CHECKOUT / source.path / file.path) == file.sha256


def test_packages_are_pinned_by_version_and_hash():
    archives = [a for m in CATALOG for s in m.sources if isinstance(s, PackageSource) for a in s.archives]

    assert len(archives) == 10
    assert len({archive.sha256 for archive in archives}) == 10
