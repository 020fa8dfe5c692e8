"""`meeshy models …`: what it prints, what it returns, and the one sentence of a failure."""

import json
import zipfile

import pytest
from click.testing import CliRunner
from rich.console import Console

from appliance.catalog import commands
from appliance.catalog.bars import PullBars
from appliance.catalog.catalog import Catalog
from appliance.catalog.record_packs import MARK, record_packs
from appliance.errors import CatalogInvalid, ModelMissing, UnknownLanguage
from appliance.settings import Settings
from appliance.testing.small_catalog import sha256

RECORDING = "demo-recording"
"""A real, small entry of the committed catalog."""


@pytest.fixture
def run(tmp_path):
    """Run a command of the group with an empty models folder and a site folder."""
    settings = Settings(models_dir=tmp_path / "models", model_folder=str(tmp_path / "site"))

    def command(*arguments):
        return CliRunner().invoke(commands.models, list(arguments), obj=settings)

    return command


def test_the_list_shows_every_model_with_its_state(run):
    answer = run("list")

    assert answer.exit_code == 0
    assert "whisper-base" in answer.stdout
    assert "missing" in answer.stdout


def test_the_list_as_json_holds_licence_size_and_files(run):
    listed = json.loads(run("list", "--set", "starter", "--json").stdout)["models"]

    recording = next(model for model in listed if model["id"] == RECORDING)
    assert (recording["licence"], recording["commercial"], recording["size_bytes"]) == ("public domain", True, 352078)
    assert [file["path"] for file in recording["files"]] == ["jfk.wav"]
    assert "whisper-large-v3" not in {model["id"] for model in listed}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["path", RECORDING], "is not installed; run ./meeshy models pull demo-recording"),
        (["path", "nonsense"], "no model 'nonsense'"),
        (["path", "xtts-v2"], "MEESHY_LICENCE=evaluation"),
        (["verify"], "run ./meeshy models pull starter"),
        (["verify", RECORDING], "demo-recording is missing"),
        (["pull", "nonsense"], "no model 'nonsense'"),
        (["pull", "argos-en-fr"], "could not be fetched"),
        (["pin", RECORDING], "cannot be pinned from there"),
    ],
)
def test_what_fails_ends_with_1_and_one_helpful_sentence(run, arguments, sentence):
    answer = run(*arguments)

    assert answer.exit_code == 1
    assert sentence in answer.stderr.splitlines()[-1]
    assert "Traceback" not in answer.output


def test_removing_what_is_not_there_is_no_failure(run):
    assert json.loads(run("remove", RECORDING, "--json").stdout) == {"models": [{"id": RECORDING, "removed": False}]}


def test_verify_with_json_prints_the_document_and_still_fails(run, tmp_path):
    (tmp_path / "models" / RECORDING).mkdir(parents=True)
    (tmp_path / "models" / RECORDING / "jfk.wav").write_bytes(b"not Kennedy")

    answer = run("verify", "--json")

    assert answer.exit_code == 1
    (model,) = json.loads(answer.stdout)["models"]
    assert (model["state"], model["files"][0]["actual"]) == ("corrupt", sha256(b"not Kennedy"))


def test_bars_without_a_terminal_are_one_line_per_event():
    console = Console(record=True, force_terminal=False, width=40)

    with PullBars(console) as bars:
        bars.begin("small", "package", 5_000_000)
        bars.advance("small", 1_000_000)
        bars.failed("small", "package", "[red] no such package")
        bars.begin("small", "folder", None)
        bars.end("small")

    assert console.export_text().splitlines() == [
        "small: from package, 5.0 MB",
        "small: package did not work: [red] no such package",
        "small: from folder",
        "small: installed",
    ]


def test_bars_on_a_terminal_show_the_bytes():
    console = Console(record=True, force_terminal=True, width=120)

    with PullBars(console) as bars:
        bars.begin("small", "package", 5_000_000)
        bars.advance("small", 2_500_000)

    assert "2.5/5.0 MB" in console.export_text()


@pytest.fixture
def checkout(tmp_path):
    """A checkout with an empty catalog and a folder for packs."""
    (tmp_path / "models" / "packs").mkdir(parents=True)
    (tmp_path / "models" / "catalog.toml").write_text("# by hand\n")
    return tmp_path


def add_pack(checkout, name, metadata):
    path = checkout / "models" / "packs" / name
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("pack/metadata.json", metadata)
        archive.writestr("pack/model/model.bin", b"w" * 100)
    return path


def test_recording_packs_writes_their_size_and_hash_and_can_be_repeated(checkout):
    catalog_path = checkout / "models" / "catalog.toml"
    metadata = json.dumps({"from_code": "en", "to_code": "fr"})
    pack = add_pack(checkout, "en_fr.argosmodel", metadata)

    record_packs(catalog_path, pack.parent)
    once = catalog_path.read_text()
    (model,) = record_packs(catalog_path, pack.parent)

    assert catalog_path.read_text() == once
    assert once.startswith("# by hand\n") and once.count(MARK) == 1
    assert (model.id, model.task, model.languages) == ("starter-en-fr", "translation", ("en", "fr"))
    assert model.memory_bytes == len(metadata) + 100
    assert model.files[0].sha256 == sha256(pack.read_bytes())
    assert Catalog.load(catalog_path)["starter-en-fr"].sources[0].kind == "repository"


@pytest.mark.parametrize("metadata", ["{}", "no json", '{"from_code": "xx", "to_code": "fr"}'])
def test_a_file_that_is_no_pack_is_refused_and_the_catalog_stays(checkout, metadata):
    add_pack(checkout, "en_fr.argosmodel", metadata)

    with pytest.raises((CatalogInvalid, UnknownLanguage)):
        record_packs(checkout / "models" / "catalog.toml", checkout / "models" / "packs")

    assert (checkout / "models" / "catalog.toml").read_text() == "# by hand\n"


def test_no_pack_to_record_is_said(checkout):
    with pytest.raises(ModelMissing, match=r"no \.argosmodel file"):
        record_packs(checkout / "models" / "catalog.toml", checkout / "models" / "packs")
