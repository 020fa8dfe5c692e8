import json
import zipfile

import pytest

from models.packs.archive import write_pack


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.bin").write_bytes(b"weights" * 100)
    (folder / "config.json").write_text("{}")
    return folder


def test_a_pack_holds_what_argos_looks_for_in_one_folder(tmp_path, model):
    write_pack(tmp_path / "en_fr.argosmodel", "en", "fr", b"pieces", model, 2700)

    with zipfile.ZipFile(tmp_path / "en_fr.argosmodel") as archive:
        roots = {name.split("/")[0] for name in archive.namelist()}
        (root,) = roots
        about = json.loads(archive.read(f"{root}/metadata.json"))
        assert archive.read(f"{root}/sentencepiece.model") == b"pieces"
        assert archive.read(f"{root}/model/model.bin") == b"weights" * 100
        assert "2,700" in archive.read(f"{root}/README.md").decode()
    assert (about["from_code"], about["to_code"]) == ("en", "fr")
    assert about["meeshy_quality"] == "starter"
    assert about["dependencies"] == []


def test_the_same_model_gives_the_same_bytes_whatever_its_files_dates(tmp_path, model):
    import os

    write_pack(tmp_path / "first", "en", "es", b"pieces", model, 1)
    os.utime(model / "model.bin", (1_000_000_000, 1_000_000_000))
    write_pack(tmp_path / "second", "en", "es", b"pieces", model, 1)

    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


def test_an_unfinished_pack_never_stands_under_the_final_name(tmp_path, model):
    destination = tmp_path / "en_fr.argosmodel"
    destination.write_bytes(b"the old pack")
    (model / "folder").mkdir()

    with pytest.raises(OSError):
        write_pack(destination, "en", "fr", b"pieces", model, 1)

    assert destination.read_bytes() == b"the old pack"
