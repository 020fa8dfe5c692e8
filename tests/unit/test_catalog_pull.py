"""Pulling: sources in order, parts joined, everything checked, installed in one step or not at all."""

import io
import tarfile
import zipfile

import pytest

from appliance.catalog.lock import models_lock
from appliance.catalog.pull import Pulled, pull
from appliance.catalog.store import ModelStore
from appliance.errors import LicenceRefused, PullFailed
from appliance.settings import Settings
from appliance.testing.small_catalog import FILES, entry, sha256, small_catalog, write_files


class Recorder:
    def __init__(self):
        self.events = []

    def begin(self, model_id, source, total_bytes):
        self.events.append(("begin", source, total_bytes))

    def advance(self, model_id, done_bytes):
        self.events.append(("advance", done_bytes))

    def failed(self, model_id, source, reason):
        self.events.append(("failed", source, reason))

    def end(self, model_id):
        self.events.append(("end", model_id))


@pytest.fixture
def site(tmp_path):
    """The site's folder with a good copy of the model."""
    write_files(tmp_path / "site" / "small")
    return tmp_path / "site"


@pytest.fixture
def a_store(tmp_path):
    def make(catalog=None, **settings):
        return ModelStore(Settings(models_dir=tmp_path / "models", **settings), catalog or small_catalog())

    return make


def wheel(members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def tarball(members):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def described(registry, name, contents, *members):
    about = {"registry": registry, "name": name, "version": "1.0", "size": len(contents), "sha256": sha256(contents)}
    return about | {"members": [list(pair) for pair in members]}


def test_a_model_from_the_sites_folder_is_installed_whole(a_store, site):
    store = a_store(model_folder=str(site))

    assert pull(store, ["small"]) == [Pulled("small", "pulled", source="folder")]

    for path, contents in FILES.items():
        assert (store.require("small") / path).read_bytes() == contents
    assert list((store.root / ".staging").iterdir()) == []


def test_a_model_that_is_whole_is_not_fetched_again(a_store, site):
    store = a_store(model_folder=str(site))
    pull(store, ["small"])
    (site / "small" / "model.bin").unlink()

    assert pull(store, ["starter"]) == [Pulled("small", "present")]


def test_progress_tells_source_total_and_growth(a_store, site):
    heard = Recorder()

    pull(a_store(model_folder=str(site)), ["small"], heard)

    assert heard.events == [
        ("begin", "folder", 4800),
        ("advance", 4000),
        ("advance", 4400),
        ("advance", 4800),
        ("end", "small"),
    ]


def test_a_wrong_hash_is_told_with_both_hashes_and_the_next_source_is_tried(a_store, site):
    write_files(site / "stale", FILES | {"model.bin": b"stale " * 10})
    catalog = small_catalog(entry(source=[{"kind": "folder", "path": "stale"}, {"kind": "folder"}]))
    store, heard = a_store(catalog, model_folder=str(site)), Recorder()

    pull(store, ["small"], heard)

    (failure,) = [event for event in heard.events if event[0] == "failed"]
    assert sha256(b"stale " * 10) in failure[2]
    assert sha256(FILES["model.bin"]) in failure[2]
    assert store.require("small").is_dir()


def test_when_every_source_fails_the_reasons_are_named_and_nothing_is_installed(a_store, site):
    write_files(site / "small", {"model.bin": b"bad"})
    catalog = small_catalog(entry(source=[{"kind": "folder"}, {"kind": "repository", "path": "models/nowhere"}]))
    store = a_store(catalog, model_folder=str(site))

    with pytest.raises(PullFailed) as failure:
        pull(store, ["small"])

    assert sha256(b"bad") in failure.value.detail
    assert "models/nowhere/model.bin" in failure.value.detail
    assert not store.folder("small").exists()


def test_files_that_one_source_gave_are_kept_for_the_next_pull(a_store, site):
    (site / "small" / "voices" / "bob.bin").unlink()
    store, heard = a_store(model_folder=str(site)), Recorder()
    with pytest.raises(PullFailed, match="kept for the next pull"):
        pull(store, ["small"])
    (site / "small" / "model.bin").unlink()
    write_files(site / "small", {"voices/bob.bin": FILES["voices/bob.bin"]})

    pull(store, ["small"], heard)

    assert heard.events[0] == ("begin", "folder", 400)
    assert store.check("small").state == "installed"


def test_a_damaged_installation_is_mended_with_only_the_damaged_file_fetched(a_store, site):
    store, heard = a_store(model_folder=str(site)), Recorder()
    pull(store, ["small"])
    (store.folder("small") / "voices" / "ann.bin").write_bytes(b"damaged")

    pull(store, ["small"], heard)

    assert heard.events[0] == ("begin", "folder", 400)
    assert store.check("small", fresh=True).state == "installed"


def test_a_pull_that_dies_while_fetching_leaves_no_model_and_the_next_one_finishes(a_store, site):
    class PowerCut(BaseException):
        pass

    class Unlucky(Recorder):
        def advance(self, model_id, done_bytes):
            if done_bytes > 4000:
                raise PowerCut

    store = a_store(model_folder=str(site))
    with pytest.raises(PowerCut):
        pull(store, ["small"], Unlucky())
    assert store.check("small").state == "missing"
    assert not store.folder("small").exists()

    pull(store, ["small"])

    assert store.check("small", fresh=True).state == "installed"


def test_a_pull_that_died_just_before_the_installation_needs_no_source_at_all(a_store, site):
    store = a_store(model_folder=str(site))
    write_files(store.staging("small") / "files")
    (site / "small" / "model.bin").unlink()

    assert pull(store, ["small"])[0].state == "pulled"


def test_a_staged_file_that_was_damaged_meanwhile_is_fetched_again(a_store, site):
    store = a_store(model_folder=str(site))
    write_files(store.staging("small") / "files", {"model.bin": b"damaged"})

    pull(store, ["small"])

    assert store.check("small", fresh=True).state == "installed"


def test_two_pulls_at_once_are_refused(a_store, site):
    store = a_store(model_folder=str(site))

    with models_lock(store.root), pytest.raises(PullFailed, match="wait until it has ended"):
        pull(store, ["small"])

    pull(store, ["small"])


def test_a_forbidden_licence_is_skipped_in_a_set_and_refused_by_name(a_store, site):
    research = entry(id="research", commercial=False, licence="CPML")
    store = a_store(small_catalog(entry(), research), model_folder=str(site))

    done = pull(store, ["starter"])

    assert [(one.model_id, one.state) for one in done] == [("small", "pulled"), ("research", "skipped")]
    assert "CPML" in done[1].reason
    with pytest.raises(LicenceRefused):
        pull(store, ["research"])


def test_a_model_without_a_configured_source_says_what_to_set(a_store):
    with pytest.raises(PullFailed, match="MEESHY_MODEL_FOLDER or MEESHY_MODEL_MIRROR_URL"):
        pull(a_store(), ["small"])


def test_a_file_of_the_checkout_is_a_source(a_store, tmp_path):
    write_files(tmp_path / "checkout" / "packs")
    catalog = small_catalog(entry(source=[{"kind": "repository", "path": "packs"}]), checkout=tmp_path / "checkout")

    assert pull(a_store(catalog), ["small"])[0].source == "repository"


def test_a_file_without_a_known_hash_is_fetched_but_stays_unpinned(a_store, site):
    store = a_store(small_catalog(entry(file=[{"path": "model.bin"}])), model_folder=str(site))

    pull(store, ["small"])

    assert store.check("small").state == "unpinned"


def test_a_site_pin_is_demanded_of_what_is_pulled_later(a_store, site, tmp_path):
    store = a_store(small_catalog(entry(file=[{"path": "model.bin"}])), model_folder=str(site))
    store.pin("small", write_files(tmp_path / "trusted", {"model.bin": b"trusted"}))

    with pytest.raises(PullFailed, match=sha256(b"trusted")):
        pull(store, ["small"])


@pytest.fixture
def packaged():
    """Three archives: the model's file in two wheels, its voices in a tarball; and the entry that describes them."""
    whole = FILES["model.bin"]
    first, second = wheel({"m1/part": whole[:1500]}), wheel({"m2/part": whole[1500:]})
    voices = tarball({"package/v/ann.bin": FILES["voices/ann.bin"], "package/v/bob.bin": FILES["voices/bob.bin"]})
    archives = {"m-one-1.0.whl": first, "m-two-1.0.whl": second, "v-1.0.tgz": voices}
    sources = [
        described("pypi", "m-one", first, ["m1/part", "model.bin"]),
        described("pypi", "m-two", second, ["m2/part", "model.bin"]),
        described("npm", "v", voices, ["package/v/*.bin", "voices/"]),
    ]
    return archives, entry(source=[{"kind": "package", "archive": sources}])


def test_archives_that_a_former_pull_verified_are_joined_without_a_client(a_store, packaged):
    archives, described_model = packaged
    store = a_store(small_catalog(described_model))
    write_files(store.staging("small") / "archives", archives)

    assert pull(store, ["small"]) == [Pulled("small", "pulled", source="package")]

    for path, contents in FILES.items():
        assert (store.require("small") / path).read_bytes() == contents


def test_parts_in_the_wrong_order_are_refused(a_store, packaged):
    archives, described_model = packaged
    described_model["source"][0]["archive"].reverse()
    store = a_store(small_catalog(described_model))
    write_files(store.staging("small") / "archives", archives)

    with pytest.raises(PullFailed, match=r"model\.bin came with sha256"):
        pull(store, ["small"])


def test_an_archive_without_the_promised_member_is_named(a_store, packaged):
    archives, described_model = packaged
    described_model["source"][0]["archive"][0]["members"] = [["m1/other", "model.bin"]]
    store = a_store(small_catalog(described_model))
    write_files(store.staging("small") / "archives", archives)

    with pytest.raises(PullFailed, match=r"m-one-1\.0\.whl holds no file m1/other"):
        pull(store, ["small"])


def test_a_file_that_cannot_be_written_is_one_sentence(a_store, site, tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / ".staging").write_text("in the way")

    with pytest.raises(PullFailed, match="cannot be written"):
        pull(a_store(model_folder=str(site)), ["small"])


def test_a_models_folder_that_cannot_be_made_is_one_sentence(a_store, site, tmp_path):
    (tmp_path / "models").write_text("in the way")

    with pytest.raises(PullFailed, match=r"models folder .* cannot be written"):
        pull(a_store(model_folder=str(site)), ["small"])


def test_a_folder_source_knows_no_total_where_a_size_is_unknown(a_store, site):
    store, heard = a_store(small_catalog(entry(file=[{"path": "model.bin"}])), model_folder=str(site)), Recorder()

    pull(store, ["small"], heard)

    assert heard.events[0] == ("begin", "folder", None)
