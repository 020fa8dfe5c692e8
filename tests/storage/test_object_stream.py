"""All objects of a store as one stream, into another store of either kind."""

import io
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from appliance.errors import CommandFailed
from appliance.storage.folder import FolderStore
from appliance.storage.object_stream import AT_ONCE, Loaded, Saved, load, save
from appliance.storage.objects import ObjectStore

LONG_NAME = f"result/{'o' * 64}/{'t' * 80}-{'h' * 64}.wav"
CONTENTS = {
    "pcm/owner/recording": b"\0\1" * 40_000,
    "voice/owner/profile/key": b"sealed",
    "tombstone/vt_1": b"{}",
    LONG_NAME: b"RIFF",
    "speech/owner/empty": b"",
}


@pytest.fixture
def full(tmp_path: Path) -> FolderStore:
    store = FolderStore(tmp_path / "full")
    store.put_all(CONTENTS)
    return store


def saved(store: ObjectStore) -> bytes:
    stream = io.BytesIO()
    save(store, stream)
    return stream.getvalue()


def contents(store: ObjectStore) -> dict[str, bytes]:
    return {entry.name: store.get(entry.name) for entry in store.entries("")}


def archive_of(members: dict[str, bytes], kind: bytes = tarfile.REGTYPE) -> io.BytesIO:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w|") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size, member.type = len(content), kind
            archive.addfile(member, io.BytesIO(content))
    stream.seek(0)
    return stream


def test_what_one_store_saves_another_of_any_kind_has_after_loading(full, store):
    loaded = load(store, io.BytesIO(saved(full)))

    assert contents(store) == CONTENTS
    assert loaded == Loaded(len(CONTENTS), sum(map(len, CONTENTS.values())), 0)


def test_a_store_of_any_kind_can_be_saved(full, store, tmp_path):
    store.put_all(CONTENTS)
    stream = io.BytesIO()

    assert save(store, stream) == Saved(len(CONTENTS), sum(map(len, CONTENTS.values())))
    stream.seek(0)
    again = FolderStore(tmp_path / "again")
    load(again, stream)
    assert contents(again) == CONTENTS


def test_one_kind_of_objects_can_be_saved_alone(full, tmp_path):
    stream = io.BytesIO()

    assert save(full, stream, "tombstone/").objects == 1
    stream.seek(0)
    other = FolderStore(tmp_path / "other")
    load(other, stream)
    assert contents(other) == {"tombstone/vt_1": b"{}"}


def test_nothing_is_overwritten_or_deleted(full, store):
    store.put("tombstone/vt_1", b"newer")
    store.put("tombstone/vt_2", b"of an erasure after the backup")

    loaded = load(store, io.BytesIO(saved(full)))

    assert loaded.there == 1
    assert contents(store) == CONTENTS | {
        "tombstone/vt_1": b"newer", "tombstone/vt_2": b"of an erasure after the backup"
    }  # fmt: skip
    assert load(store, io.BytesIO(saved(full))) == Loaded(0, 0, len(CONTENTS))


def test_more_objects_than_are_stored_at_once_all_arrive(tmp_path, full):
    many = {f"pcm/owner/{number}": str(number).encode() for number in range(2 * AT_ONCE + 7)}
    full.put_all(many)
    empty = FolderStore(tmp_path / "empty")

    load(empty, io.BytesIO(saved(full)))

    assert contents(empty) == CONTENTS | many


def test_a_stream_that_is_cut_off_anywhere_is_told_and_may_be_loaded_again(tmp_path, full):
    whole = saved(full)
    store = FolderStore(tmp_path / "store")
    # The last two blocks of nothing are tar's own end: without them all the same everything came.
    end = whole.rindex(b"}") + 1
    with tarfile.open(fileobj=io.BytesIO(whole)) as archive:
        ends_at = {member.name: member.offset_data + member.size for member in archive if member.name in CONTENTS}
    for length in range(0, end, 512):
        with pytest.raises(CommandFailed):
            load(store, io.BytesIO(whole[:length]))
        assert contents(store).keys() == {name for name, at in ends_at.items() if at <= length}

    load(store, io.BytesIO(whole))

    assert contents(store) == CONTENTS


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "pcm/.hidden", "pcm//double", "pcm/\x1b[2J"])
def test_a_name_that_no_object_has_is_refused(tmp_path, name):
    store = FolderStore(tmp_path / "objects")

    with pytest.raises(CommandFailed, match="no object"):
        load(store, archive_of({name: b"x"}))

    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.CHRTYPE])
def test_links_folders_and_devices_are_refused(tmp_path, kind):
    with pytest.raises(CommandFailed, match="is no object"):
        load(FolderStore(tmp_path / "objects"), archive_of({"pcm/owner/x": b""}, kind))


@pytest.mark.parametrize("stream", [b"", b"not a tar archive" * 100])
def test_what_is_no_archive_is_refused_in_a_sentence(tmp_path, stream):
    with pytest.raises(CommandFailed, match="stream of objects"):
        load(FolderStore(tmp_path / "objects"), io.BytesIO(stream))


def test_the_commands_pipe_one_data_folder_into_another(tmp_path):
    FolderStore(tmp_path / "from" / "objects").put_all(CONTENTS)
    command = [sys.executable, "-m", "appliance.cli", "objects"]

    def environment(folder: str) -> dict[str, str]:
        return {**os.environ, "MEESHY_DATA_DIR": str(tmp_path / folder)}

    out = subprocess.run(
        [*command, "save", "--json"], env=environment("from"), capture_output=True, check=True
    )  # fmt: skip
    into = subprocess.run(
        [*command, "load", "--json"], env=environment("to"), input=out.stdout, capture_output=True, check=True
    )

    assert json.loads(out.stderr)["objects"] == len(CONTENTS)
    assert json.loads(into.stderr) == {
        "objects": len(CONTENTS), "bytes": sum(map(len, CONTENTS.values())), "there": 0
    }  # fmt: skip
    assert contents(FolderStore(tmp_path / "to" / "objects")) == CONTENTS
