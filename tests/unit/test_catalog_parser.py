"""The catalog's parser: what it accepts, and how it names what it refuses."""

import pytest

from appliance.catalog.catalog import Catalog
from appliance.errors import CatalogInvalid, NotFound
from appliance.testing.small_catalog import entry, small_catalog


def archive(**changes):
    return {
        "registry": "pypi",
        "name": "some-model",
        "version": "1.0",
        "size": 10,
        "sha256": "0" * 64,
        "members": [["some_model/model.bin", "model.bin"], ["some_model/v/*.bin", "voices/"]],
    } | changes


def package(*archives):
    return [{"kind": "package", "archive": list(archives)}]


def test_a_valid_entry_is_read_with_all_its_fields():
    model = small_catalog()["small"]

    assert (model.id, model.task, model.licence, model.commercial) == ("small", "synthesis", "MIT", True)
    assert [file.path for file in model.files] == ["model.bin", "voices/ann.bin", "voices/bob.bin"]
    assert model.size_bytes == 4000 + 400 + 400


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"id": "Big Model"}, "id"),
        ({"task": "singing"}, "task"),
        ({"sets": ["everything"]}, "sets.1"),
        ({"licence": ""}, "licence"),
        ({"commercial": "perhaps"}, "commercial"),
        ({"file": []}, "file"),
        ({"file": [{"path": "a", "size": 1, "sha256": "abc"}]}, "file.1.sha256"),
        ({"file": [{"path": "../a", "size": 1}]}, "file.1.path"),
        ({"file": [{"path": "/etc/a", "size": 1}]}, "file.1.path"),
        ({"file": [{"path": "a", "size": -1}]}, "file.1.size"),
        ({"file": [{"path": "a"}, {"path": "a"}]}, "'a' stands twice"),
        ({"source": []}, "source"),
        ({"source": [{"kind": "carrier-pigeon"}]}, "source.1"),
        ({"source": [{"kind": "hub", "repo": "a/b", "revision": "main"}]}, "revision"),
        ({"source": [{"kind": "repository", "path": "../other"}]}, "path"),
        ({"colour": "red"}, "colour"),
        ({"source": package(archive(version=">=1"))}, "version"),
        ({"source": package(archive(members=[["x", "model.bin"]]))}, "no member for the file 'voices/ann.bin'"),
        ({"source": package(archive(members=[["x", "nothing.bin"]]))}, "no member for the file 'model.bin'"),
    ],
)
def test_a_mistake_is_refused_with_the_model_and_the_place_of_the_mistake(changes, place):
    with pytest.raises(CatalogInvalid) as refusal:
        small_catalog(entry(**changes))

    assert place in refusal.value.detail
    assert "model " in refusal.value.detail


def test_a_member_for_a_file_that_the_model_does_not_have_is_refused():
    surplus = archive(members=[*archive()["members"], ["x", "readme.md"]])

    with pytest.raises(CatalogInvalid, match=r"'readme\.md', which is no file of this model"):
        small_catalog(entry(source=package(surplus)))


def test_two_models_of_one_name_are_refused():
    with pytest.raises(CatalogInvalid, match="two models named 'small'"):
        small_catalog(entry(), entry())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[[model", "not valid TOML"),
        ("[model]\nid = 'a'", r"write \[\[model\]\]"),
        ("[[modell]]\nid = 'a'", "'modell' is not known here"),
        ("model = ['a']", "model number 1"),
    ],
)
def test_a_text_that_is_no_catalog_is_refused_with_the_reason(text, reason):
    with pytest.raises(CatalogInvalid, match=reason):
        Catalog.parse(text)


def test_a_catalog_file_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(CatalogInvalid, match=r"nowhere\.toml cannot be read"):
        Catalog.load(tmp_path / "nowhere.toml")


def test_an_unknown_model_is_answered_with_the_names_there_are():
    with pytest.raises(NotFound, match="no model 'smal'; it has: small"):
        small_catalog()["smal"]


def test_names_of_sets_and_models_give_each_model_once_in_order():
    catalog = small_catalog(entry(id="a"), entry(id="b", sets=["test"]), entry(id="c", sets=["starter", "test"]))

    assert [model.id for model in catalog.named(["c", "starter"])] == ["c", "a"]
    assert [model.id for model in catalog.of_set("test")] == ["b", "c"]
    assert catalog.of_set("test", task="translation") == ()


def test_a_folder_rule_gives_files_of_that_folder_only():
    package_source = small_catalog(entry(source=package(archive())))["small"].sources[0]
    (only,) = package_source.archives

    assert only.members_for("voices/ann.bin") == ("some_model/v/ann.bin",)
    assert only.members_for("voices/deep/ann.bin") == ()
    assert only.members_for("voices/ann.txt") == ()
    assert only.members_for("model.bin") == ("some_model/model.bin",)
