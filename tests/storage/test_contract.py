"""What every object store does: the folder, and S3 on a real server."""

import hashlib
import io
from concurrent.futures import ThreadPoolExecutor

import pytest

from appliance.cache.keys import owner_digest
from appliance.errors import NotFound
from appliance.owner import Owner
from appliance.storage.objects import ObjectStore

OWNER = owner_digest(Owner("app", "alice"))
SHA256 = hashlib.sha256(b"content").hexdigest()
NAMES = [
    f"pcm/{OWNER}/{SHA256}-0a1b2c3d.s16",
    f"speech/{OWNER}/target_0123456789ab-{SHA256}.s16",
    f"result/{OWNER}/{SHA256}.opus",
    "result/a b+c%2Fd=é&f~g'h(i)!/ü#?.wav",
    "result/" + "x" * 200,
]


def listed(store: ObjectStore, prefix: str = "") -> list[str]:
    return sorted(entry.name for entry in store.entries(prefix))


@pytest.mark.parametrize("name", NAMES)
def test_what_was_put_under_a_name_is_there(store, name):
    store.put(name, b"content")

    assert store.get(name) == b"content"
    assert store.size_bytes(name) == len(b"content")
    assert listed(store) == [name]
    store.delete(name)
    assert listed(store) == []


def test_several_objects_are_put_together(store):
    contents = {name: f"content of {name}".encode() for name in NAMES}

    store.put_all(contents)
    store.put_all({})

    assert {name: store.get(name) for name in listed(store)} == contents


def test_several_objects_are_deleted_together_whether_they_are_there_or_not(store):
    store.put_all(dict.fromkeys(("pcm/a", "pcm/b", "result/c", "result/d"), b"content"))

    store.delete_all(["pcm/a", "pcm/never", "result/c", "pcm/b"])
    store.delete_all([])

    assert listed(store) == ["result/d"]


def test_an_empty_object_is_an_object(store):
    store.put("pcm/empty", b"")

    assert (store.get("pcm/empty"), store.size_bytes("pcm/empty"), listed(store)) == (b"", 0, ["pcm/empty"])
    with store.open("pcm/empty") as stream:
        assert stream.read() == b""


def test_a_long_recording_comes_back_whole(store):
    content = bytes(range(256)) * (20_000_000 // 256)

    store.put("pcm/long", content)

    assert hashlib.sha256(store.get("pcm/long")).digest() == hashlib.sha256(content).digest()


def test_a_missing_object_is_not_found(store):
    for ask in (store.get, store.open, store.size_bytes):
        with pytest.raises(NotFound):
            ask("result/nothing")
    store.put("result/owner/audio", b"content")
    for ask in (store.get, store.open, store.size_bytes):
        with pytest.raises(NotFound):
            ask("result/nothing")
        with pytest.raises(NotFound):
            ask("result/owner")
        with pytest.raises(NotFound):
            ask("result/owner/audio/below")


def test_deleting_what_is_not_there_is_fine(store):
    store.delete("result/nothing")
    store.put("result/owner/audio", b"content")

    store.delete("result/owner")
    store.delete("result/owner/audio/below")
    store.delete("result/owner/other")
    assert listed(store) == ["result/owner/audio"]
    store.delete("result/owner/audio")
    store.delete("result/owner/audio")
    assert listed(store) == []


@pytest.mark.parametrize(
    "name",
    ["", "..", "../x", "pcm/../../x", "pcm/..", "/etc/passwd", "pcm//x", "pcm/./x", "pcm/", "pcm/.x", "a\0b", "a\nb"],
)
def test_a_name_that_leads_elsewhere_is_refused(store, name):
    store.put("pcm/x", b"content")
    for ask in (store.get, store.open, store.size_bytes, store.delete, lambda name: store.put(name, b"other")):
        with pytest.raises(NotFound):
            ask(name)

    assert (listed(store), store.get("pcm/x")) == (["pcm/x"], b"content")


@pytest.mark.parametrize("prefix", ["../", "pcm/../", "/", "."])
def test_a_prefix_that_leads_elsewhere_is_refused(store, prefix):
    with pytest.raises(NotFound):
        list(store.entries(prefix))


def test_a_stream_can_be_read_from_anywhere(store):
    content = bytes(range(256)) * 4
    store.put("result/audio", content)

    with store.open("result/audio") as stream:
        assert stream.seek(1000) == 1000
        assert stream.read(10) == content[1000:1010]
        assert stream.read(1000) == content[1010:]
        assert stream.read(10) == b""
        assert stream.seek(-24, io.SEEK_END) == 1000
        assert stream.seek(2, io.SEEK_CUR) == 1002
        assert stream.read() == content[1002:]
        stream.seek(5000)
        assert stream.read(1) == b""
        stream.seek(0)
        assert stream.read(3) + stream.read() == content
        stream.seek(256)
        buffer = bytearray(4)
        assert (stream.readinto(buffer), bytes(buffer)) == (4, content[:4])


def test_a_listing_tells_the_prefix_the_size_and_the_age(store):
    for name in ("pcm/one/a", "pcm/one/b", "pcm/two/a", "result/one/a"):
        store.put(name, name.encode())

    assert listed(store, "pcm/one/") == ["pcm/one/a", "pcm/one/b"]
    assert listed(store, "pcm/t") == ["pcm/two/a"]
    assert listed(store, "pcm/one/b") == ["pcm/one/b"]
    assert listed(store, "speech/") == []
    (entry,) = store.entries("result/")
    newer = next(store.entries("pcm/two/"))
    assert entry.size_bytes == len("result/one/a")
    assert 0 <= entry.modified_s - newer.modified_s < 60


def test_a_listing_is_complete_beyond_a_page(store):
    names = [f"pcm/owner/{number:04}" for number in range(1100)]
    with ThreadPoolExecutor(16) as threads:
        list(threads.map(lambda name: store.put(name, b"x"), names))

    assert listed(store, "pcm/") == names


def test_what_is_listed_can_be_removed_while_listing(store):
    for number in range(20):
        store.put(f"pcm/owner/{number:02}", b"x")

    for entry in store.entries("pcm/"):
        store.delete(entry.name)

    assert listed(store) == []


def test_writers_of_one_name_leave_one_whole_object(store):
    contents = [bytes([number]) * 300_000 for number in range(8)]
    with ThreadPoolExecutor(len(contents)) as threads:
        list(threads.map(lambda content: store.put("result/same", content), contents))

    assert store.get("result/same") in contents
    assert listed(store) == ["result/same"]
    assert store.sweep_unfinished(0) == 0


def test_a_fresh_store_takes_writes_and_lists_nothing(store):
    store.require_writable()

    assert (listed(store), store.sweep_unfinished(0)) == ([], 0)
