"""What is the folder's own: files left by crashes, a nearly full disk."""

import os
import shutil
from pathlib import Path

import pytest

from appliance.errors import NotFound, StorageUnavailable
from appliance.storage.folder import FolderStore
from appliance.testing.clock import FrozenClock

HOUR_S = 3600.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "objects"


def test_what_a_crash_left_is_no_object_and_goes_after_an_hour(folder):
    clock = FrozenClock()
    store = FolderStore(folder, clock=clock)
    store.put("pcm/owner/kept", b"content")
    old, young = folder / "pcm/owner/.a.s16.0123abcd", folder / "pcm/owner/.b.s16.0123abcd"
    other = folder / "pcm/owner/.nfs0001"
    for path, age_s in ((old, HOUR_S + 1), (young, HOUR_S - 1), (other, 2 * HOUR_S)):
        path.write_bytes(b"half")
        os.utime(path, (clock.now_s() - age_s,) * 2)

    assert [entry.name for entry in store.entries("")] == ["pcm/owner/kept"]
    assert store.sweep_unfinished(HOUR_S) == 1
    assert (old.exists(), young.exists(), other.exists()) == (False, True, True)
    assert store.get("pcm/owner/kept") == b"content"


def test_a_nearly_full_disk_takes_no_writes_and_reads_go_on(folder):
    FolderStore(folder).put("result/audio", b"content")
    store = FolderStore(folder, reserve_bytes=shutil.disk_usage(folder).total + 1)

    with pytest.raises(StorageUnavailable, match="nearly full"):
        store.require_writable()
    with pytest.raises(StorageUnavailable, match="nearly full"):
        store.put("result/other", b"content")
    assert store.get("result/audio") == b"content"
    store.delete("result/audio")
    assert list(store.entries("")) == []


def test_a_write_that_would_use_the_reserve_is_refused(folder):
    store = FolderStore(folder, reserve_bytes=1)
    store.require_writable()

    with pytest.raises(StorageUnavailable, match="nearly full"):
        store.put("result/huge", _SaysItIsHuge(b"content"))
    assert list(folder.rglob("*")) == []


def test_a_write_that_fails_leaves_nothing_aside(folder):
    store = FolderStore(folder)
    (folder / "result").mkdir()
    (folder / "result/taken").mkdir()

    with pytest.raises(StorageUnavailable):
        store.put_all({"result/audio": b"content", "result/taken": b"content", "result/other": b"content"})
    assert [path.name for path in folder.rglob("*") if path.name.startswith(".")] == []


class _SaysItIsHuge(bytes):
    def __len__(self) -> int:
        return 1 << 60


def test_a_folder_that_is_gone_is_unavailable_for_writes(folder):
    store = FolderStore(folder)
    folder.rmdir()

    with pytest.raises(StorageUnavailable):
        store.require_writable()
    with pytest.raises(StorageUnavailable):
        store.put("pcm/x", b"content")
    with pytest.raises(NotFound):
        store.get("pcm/x")
    folder.mkdir()
    store.put("pcm/x", b"content")
    assert store.get("pcm/x") == b"content"


def test_a_write_that_fails_leaves_nothing(folder):
    store = FolderStore(folder)
    (folder / "pcm" / "x").mkdir(parents=True)

    with pytest.raises(StorageUnavailable):
        store.put("pcm/x", b"content")

    assert [path.name for path in (folder / "pcm").iterdir()] == ["x"]


def test_only_its_user_may_look_into_it(folder):
    FolderStore(folder).put("pcm/owner/x", b"content")

    assert {path.stat().st_mode & 0o077 for path in (folder, folder / "pcm", folder / "pcm/owner")} == {0}
