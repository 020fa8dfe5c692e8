"""Boxes open with their profile's key, at their place, unaltered, and nowhere else."""

import base64
import os
import threading

import pytest

from appliance.errors import NotFound, VoiceKeyUnusable, VoiceSealBroken
from appliance.owner import Owner
from appliance.settings import Settings
from appliance.storage.database import Database
from appliance.storage.folder import FolderStore
from appliance.storage.schema import metadata
from appliance.voices.sealing import ProfileKey, Vault
from appliance.voices.site_key import _make, agreed_key, key_path, site_key

ALICE, BOB = Owner("app", "alice"), Owner("app", "bob")
KEY = bytes(range(32))


def test_what_was_sealed_opens_again():
    key = ProfileKey(KEY, ALICE, "p")
    assert key.open("sample", "s", key.seal("sample", "s", b"voice")) == b"voice"


@pytest.mark.parametrize(
    "other",
    [
        lambda box: ProfileKey(KEY, BOB, "p").open("sample", "s", box),
        lambda box: ProfileKey(KEY, Owner("other", "alice"), "p").open("sample", "s", box),
        lambda box: ProfileKey(KEY, ALICE, "q").open("sample", "s", box),
        lambda box: ProfileKey(KEY, ALICE, "p").open("embedding", "s", box),
        lambda box: ProfileKey(KEY, ALICE, "p").open("sample", "t", box),
        lambda box: ProfileKey(KEY[::-1], ALICE, "p").open("sample", "s", box),
        lambda box: ProfileKey(KEY, ALICE, "p").open("sample", "s", box[:-1] + bytes([box[-1] ^ 1])),
        lambda box: ProfileKey(KEY, ALICE, "p").open("sample", "s", b"\x02" + box[1:]),
        lambda box: ProfileKey(KEY, ALICE, "p").open("sample", "s", box[:9]),
        lambda box: ProfileKey(KEY, ALICE, "p").open("sample", "s", b""),
    ],
)
def test_a_box_opens_nowhere_else(other):
    box = ProfileKey(KEY, ALICE, "p").seal("sample", "s", b"voice")
    with pytest.raises(VoiceSealBroken):
        other(box)


def test_the_same_content_is_never_sealed_alike():
    key = ProfileKey(KEY, ALICE, "p")
    assert len({key.seal("sample", "s", b"voice") for _ in range(50)}) == 50


def test_owner_and_user_cannot_be_shifted_into_each_other():
    box = ProfileKey(KEY, Owner("a", "bc"), "p").seal("sample", "s", b"voice")
    with pytest.raises(VoiceSealBroken):
        ProfileKey(KEY, Owner("ab", "c"), "p").open("sample", "s", box)


@pytest.fixture
def settings(tmp_path):
    return Settings(data_dir=tmp_path / "data")


@pytest.fixture
def database(tmp_path):
    database = Database(f"sqlite:///{tmp_path / 'test.sqlite3'}")
    metadata.create_all(database.engine)
    yield database
    database.close()


def agree(database, settings):
    with database.write() as connection:
        return agreed_key(connection, settings, 0.0)


def test_a_profiles_key_is_wrapped_with_the_sites(tmp_path, settings, database):
    objects = FolderStore(tmp_path / "objects")
    vault = Vault(settings, objects)
    name = vault.make(agree(database, settings), ALICE, "p", "voice/x/p/")
    box = vault.key(ALICE, "p", name).seal("sample", "s", b"voice")
    assert vault.key(ALICE, "p", name).open("sample", "s", box) == b"voice"
    with pytest.raises(VoiceKeyUnusable):
        vault.key(BOB, "p", name)
    key_path(settings).write_bytes(base64.b64encode(bytes(32)))
    with pytest.raises(VoiceKeyUnusable):
        vault.key(ALICE, "p", name)
    objects.delete(name)
    with pytest.raises(NotFound):
        vault.key(ALICE, "p", name)


def test_the_first_key_is_made_for_its_owner_alone(settings, database):
    key = agree(database, settings)
    assert os.stat(key_path(settings)).st_mode & 0o777 == 0o600
    assert agree(database, settings) == site_key(settings) == key


def test_a_key_that_was_used_is_never_made_anew(settings, database):
    agree(database, settings)
    key_path(settings).unlink()
    with pytest.raises(VoiceKeyUnusable):
        agree(database, settings)


def test_a_file_that_is_named_is_never_made(tmp_path, database):
    settings = Settings(data_dir=tmp_path, voice_key_file=str(tmp_path / "named.key"))
    with pytest.raises(VoiceKeyUnusable, match="is not there"):
        agree(database, settings)
    assert not (tmp_path / "named.key").exists()


@pytest.mark.parametrize("content", [b"", b"not base64!", base64.b64encode(bytes(31)), base64.b64encode(bytes(33))])
def test_a_broken_key_file_is_said(tmp_path, database, content):
    path = tmp_path / "named.key"
    path.write_bytes(content)
    with pytest.raises(VoiceKeyUnusable):
        agree(database, Settings(data_dir=tmp_path, voice_key_file=str(path)))


def test_processes_that_start_together_have_one_key(settings, tmp_path):
    threads = [threading.Thread(target=_make, args=(key_path(settings),)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(site_key(settings)) == 32
    assert [path.name for path in settings.data_dir.iterdir()] == ["voice.key"]
