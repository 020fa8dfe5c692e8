"""Installing, listing and removing real `.argosmodel` files, built on the spot."""

import json
import pickle
import stat
import zipfile
from pathlib import Path

import pytest

from appliance.engines.argos_model import try_out
from appliance.engines.argos_packs import ArgosPacks, bcp47, verify_files
from appliance.errors import ModelCorrupt, ModelMissing, NotFound, PackRefused
from appliance.testing.tiny_argos_pack import build_tiny_pack

WORDS = {"hello": "bonjour", "friend": "ami"}


@pytest.fixture
def packs(tmp_path):
    return ArgosPacks(tmp_path / "argos", try_out=try_out)


def a_pack(tmp_path, source="en", target="fr", words=WORDS, **options) -> Path:
    number = len(list(tmp_path.glob("*.argosmodel")))
    return build_tiny_pack(tmp_path / f"{number}.argosmodel", source, target, words, **options)


def a_zip(tmp_path, files: dict[str, bytes], *, like: Path | None = None) -> Path:
    """Write an archive of these files, on top of those of another pack."""
    path = tmp_path / "made.argosmodel"
    with zipfile.ZipFile(path, "w") as made:
        if like is not None:
            with zipfile.ZipFile(like) as original:
                for name in original.namelist():
                    if name not in files:
                        made.writestr(name, original.read(name))
        for name, content in files.items():
            made.writestr(name, content)
    return path


def left_on_disk(packs_folder: Path) -> list[str]:
    kept = [
        p for part in ("packages", "staging") if (packs_folder / part).is_dir() for p in (packs_folder / part).iterdir()
    ]
    return [path.name for path in kept]


def test_nothing_is_installed_and_no_folder_is_made_before_the_first_pack(tmp_path, packs):
    assert packs.installed() == ()
    assert not (tmp_path / "argos").exists()


def test_an_installed_pack_is_listed_with_its_pair_grade_version_and_hash(tmp_path, packs):
    pack = packs.install(a_pack(tmp_path, version="1.9"))
    assert packs.installed() == (pack,)
    assert (pack.source, pack.target, pack.quality, pack.version) == ("en", "fr", "standard", "1.9")
    assert len(pack.sha256) == 64
    assert packs.pairs() == {("en", "fr")}
    assert left_on_disk(tmp_path / "argos") == [pack.folder.name]


def test_the_hash_depends_on_the_model_and_not_on_when_or_where_it_was_installed(tmp_path):
    archive, other = a_pack(tmp_path), a_pack(tmp_path, words={"hello": "salut"})
    first, second, third = (
        ArgosPacks(tmp_path / name).install(path) for name, path in (("a", archive), ("b", archive), ("c", other))
    )
    assert first.sha256 == second.sha256 != third.sha256


@pytest.mark.parametrize(
    ("code", "tag"), [("zt", "zh-Hant"), ("pb", "pt-BR"), ("zh", "zh"), ("nb", "no"), ("fr", "fr")]
)
def test_argos_codes_become_bcp47_tags(code, tag):
    assert bcp47(code) == tag


def test_a_traditional_chinese_pack_is_listed_under_its_bcp47_tag(tmp_path, packs):
    packs.install(a_pack(tmp_path, target="zt"))
    assert packs.pairs() == {("en", "zh-Hant")}


def test_an_official_pack_replaces_a_starter_pack(tmp_path, packs):
    packs.install(a_pack(tmp_path, quality="starter"))
    assert packs.installed()[0].quality == "starter"
    official = packs.install(a_pack(tmp_path, words={"hello": "salut"}))
    assert packs.installed() == (official,)
    assert official.quality == "standard"
    assert left_on_disk(tmp_path / "argos") == [official.folder.name]


def test_a_starter_pack_does_not_replace_an_official_one(tmp_path, packs):
    official = packs.install(a_pack(tmp_path))
    assert packs.install(a_pack(tmp_path, words={"hello": "salut"}, quality="starter")) == official
    assert packs.installed() == (official,)


def test_installing_the_same_pack_again_changes_nothing(tmp_path, packs):
    archive = a_pack(tmp_path)
    assert packs.install(archive) == packs.install(archive)
    assert len(left_on_disk(tmp_path / "argos")) == 1


def test_a_removed_pack_is_gone_and_removing_it_again_says_so(tmp_path, packs):
    packs.install(a_pack(tmp_path))
    packs.remove("en", "fr")
    assert packs.installed() == ()
    assert left_on_disk(tmp_path / "argos") == []
    with pytest.raises(NotFound):
        packs.remove("en", "fr")


def test_a_pack_can_be_removed_where_none_was_ever_installed_and_that_is_an_error(packs):
    with pytest.raises(NotFound):
        packs.remove("en", "fr")


def test_another_object_on_the_same_folder_sees_changes_at_once(tmp_path, packs):
    other = ArgosPacks(tmp_path / "argos")
    assert other.installed() == ()
    pack = packs.install(a_pack(tmp_path))
    assert other.installed() == (pack,)
    packs.remove("en", "fr")
    assert other.installed() == ()


def test_the_newest_pack_counts_when_a_crash_left_two_of_a_pair(tmp_path, packs):
    old = packs.install(a_pack(tmp_path))
    aside = tmp_path / "aside"
    old.folder.rename(aside)
    new = packs.install(a_pack(tmp_path, words={"hello": "salut"}))
    aside.rename(old.folder)
    assert ArgosPacks(tmp_path / "argos").installed() == (new,)
    packs.install(a_pack(tmp_path, words={"hello": "coucou"}))
    assert len(left_on_disk(tmp_path / "argos")) == 1


def test_a_folder_that_is_no_pack_is_named(tmp_path, packs):
    packs.install(a_pack(tmp_path))
    (tmp_path / "argos" / "packages" / "stray").mkdir()
    with pytest.raises(ModelCorrupt, match="stray"):
        ArgosPacks(tmp_path / "argos").installed()


def test_a_pack_put_there_by_argospm_is_listed_too(tmp_path, packs):
    packs.install(a_pack(tmp_path))
    with zipfile.ZipFile(a_pack(tmp_path, target="es")) as archive:
        archive.extractall(tmp_path / "argos" / "packages")
    assert ArgosPacks(tmp_path / "argos").pairs() == {("en", "fr"), ("en", "es")}


def test_a_changed_model_file_is_noticed_and_a_missing_pack_too(tmp_path, packs):
    pack = packs.install(a_pack(tmp_path))
    verify_files(pack)
    with (pack.folder / "model" / "model.bin").open("r+b") as model:
        model.seek(1000)
        model.write(b"\xff")
    with pytest.raises(ModelCorrupt, match=r"model\.bin"):
        verify_files(pack)
    packs.remove("en", "fr")
    with pytest.raises(ModelMissing):
        verify_files(pack)


def test_sentence_splitters_of_official_packs_are_not_kept(tmp_path, packs):
    stanza = {"stanza/en/tokenize/ewt.pt": pickle.dumps({"w": 1}), "stanza/resources.json": b"{}"}
    pack = packs.install(a_pack(tmp_path, extra_files={**stanza, "README.md": b"hi", "minisbd/en.onnx": b"x"}))
    assert {path.name for path in pack.folder.iterdir()} == {
        "README.md", "meeshy.json", "metadata.json", "model", "sentencepiece.model",
    }  # fmt: skip


def test_a_file_that_is_no_zip_is_refused(tmp_path, packs):
    path = tmp_path / "text.argosmodel"
    path.write_text("not a pack")
    with pytest.raises(PackRefused, match=r"text\.argosmodel"):
        packs.install(path)


def test_a_missing_file_is_refused(tmp_path, packs):
    with pytest.raises(PackRefused, match="no file"):
        packs.install(tmp_path / "absent.argosmodel")


@pytest.mark.parametrize("place", ["../evil.txt", "/evil.txt", "pack/../../evil.txt", "..\\evil.txt", "C:/evil.txt"])
def test_a_path_that_leaves_the_folder_is_refused(tmp_path, packs, place):
    with pytest.raises(PackRefused, match="outside its folder"):
        packs.install(a_zip(tmp_path, {place: b"x"}, like=a_pack(tmp_path)))
    assert not list(tmp_path.rglob("evil.txt"))
    assert not (tmp_path / "argos").exists()


def test_a_link_is_refused(tmp_path, packs):
    path = a_zip(tmp_path, {}, like=a_pack(tmp_path))
    with zipfile.ZipFile(path, "a") as archive:
        link = zipfile.ZipInfo("translate-en_fr-1_0/model/extra")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(PackRefused, match="link"):
        packs.install(path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("weights.pkl", b"anything"),
        ("model/weights.bin", pickle.dumps([1, 2, 3])),
        ("model/weights.dat", b"PK\x03\x04 a torch file"),
        ("model/state.pt", b"anything"),
    ],
)
def test_a_pickle_is_refused(tmp_path, packs, name, content):
    with pytest.raises(PackRefused, match="pickle"):
        packs.install(a_pack(tmp_path, extra_files={name: content}))
    assert left_on_disk(tmp_path / "argos") == []


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        (b"{", "not JSON"),
        (b"[]", "not a translation pack"),
        (json.dumps({"type": "sbd", "from_code": "en", "to_code": "fr"}).encode(), "not a translation pack"),
        (json.dumps({"from_code": "en"}).encode(), "to_code"),
        (json.dumps({"from_code": "../x", "to_code": "fr"}).encode(), "from_code"),
        (json.dumps({"from_code": "en", "to_code": "fr", "target_prefix": 3}).encode(), "target_prefix"),
    ],
)
def test_metadata_that_does_not_describe_a_translation_pack_is_refused(tmp_path, packs, metadata, said):
    path = a_zip(tmp_path, {"translate-en_fr-1_0/metadata.json": metadata}, like=a_pack(tmp_path))
    with pytest.raises(PackRefused, match=said):
        packs.install(path)


@pytest.mark.parametrize(
    ("damaged", "content"),
    [
        ("model/model.bin", b"\x06\x00\x00\x00 cut short"),
        ("model/shared_vocabulary.json", b"{"),
        ("sentencepiece.model", b"not a tokenizer"),
    ],
)
def test_a_pack_whose_model_does_not_load_is_refused_and_leaves_the_old_one(tmp_path, packs, damaged, content):
    standing = packs.install(a_pack(tmp_path))
    path = a_zip(tmp_path, {f"translate-en_fr-1_0/{damaged}": content}, like=a_pack(tmp_path, words={"hello": "salut"}))
    with pytest.raises(PackRefused):
        packs.install(path)
    assert packs.installed() == (standing,)
    assert left_on_disk(tmp_path / "argos") == [standing.folder.name]


def test_a_pack_with_a_flipped_byte_is_refused_by_its_checksum(tmp_path, packs):
    path = a_pack(tmp_path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(PackRefused):
        packs.install(path)


def test_an_archive_with_more_than_one_folder_is_refused(tmp_path, packs):
    with pytest.raises(PackRefused, match="one folder"):
        packs.install(a_zip(tmp_path, {"other/file": b"x"}, like=a_pack(tmp_path)))


def test_an_archive_that_unpacks_to_too_many_files_is_refused(tmp_path, packs):
    many = {f"translate-en_fr-1_0/model/{number}": b"" for number in range(2100)}
    with pytest.raises(PackRefused, match="more than"):
        packs.install(a_zip(tmp_path, many, like=a_pack(tmp_path)))
