"""The settings choose the object store."""

import pytest
from pydantic import ValidationError

from appliance.errors import StorageUnavailable
from appliance.settings import Settings
from appliance.storage.folder import FolderStore
from appliance.storage.opening import open_store
from appliance.storage.s3 import S3Store

S3 = {"s3_endpoint": "objects.intranet:8333", "s3_access_key": "access", "s3_secret_key": "secret"}


def test_without_an_endpoint_objects_lie_in_the_data_folder(tmp_path):
    store = open_store(Settings(data_dir=tmp_path, disk_reserve_bytes=0))

    store.put("pcm/x", b"content")

    assert isinstance(store, FolderStore)
    assert (tmp_path / "objects/pcm/x").read_bytes() == b"content"


def test_the_reserve_is_kept_where_the_settings_ask_for_it(tmp_path):
    store = open_store(Settings(data_dir=tmp_path, disk_reserve_bytes=1 << 60))

    with pytest.raises(StorageUnavailable, match="nearly full"):
        store.require_writable()


def test_with_an_endpoint_objects_lie_on_the_server(s3_server, tmp_path):
    settings = Settings(
        data_dir=tmp_path,
        s3_endpoint=s3_server.endpoint,
        s3_access_key=s3_server.access_key,
        s3_secret_key=s3_server.secret_key,
        s3_bucket="from-settings",
        s3_secure=False,
    )
    store = open_store(settings)

    store.put("pcm/x", b"content")

    assert isinstance(store, S3Store)
    assert open_store(settings).get("pcm/x") == b"content"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "variable"),
    [
        ({"s3_endpoint": "http://objects.intranet"}, "s3_endpoint"),
        ({"s3_endpoint": "objects.intranet/bucket"}, "s3_endpoint"),
        ({"s3_endpoint": "objects.intranet:99999"}, "s3_endpoint"),
        ({"s3_access_key": ""}, "s3_access_key"),
        ({"s3_secret_key": ""}, "s3_secret_key"),
        ({"s3_bucket": "Voices"}, "s3_bucket"),
        ({"s3_bucket": "a/b"}, "s3_bucket"),
        ({"s3_region": "eu west"}, "s3_region"),
    ],
)
def test_what_cannot_work_is_refused_at_the_start(change, variable):
    with pytest.raises(ValidationError) as refused:
        Settings(**S3 | change)

    assert [error["loc"] for error in refused.value.errors()] == [(variable,)]


def test_keys_stand_in_no_representation():
    assert not {"access", "secret"} & set(repr(Settings(**S3)).replace("'", " ").split())
