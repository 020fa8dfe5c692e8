"""Object stores: a folder, and buckets on an S3 server of the tests' own."""

import secrets
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.storage.folder import FolderStore
from appliance.storage.objects import ObjectStore
from appliance.storage.s3 import S3Store
from appliance.storage.s3_client import s3_client
from tests.seaweedfs import SeaweedServer
from tests.services import s3_server as s3_server

NewStore = Callable[..., S3Store]


@pytest.fixture
def s3_store(s3_server: SeaweedServer) -> NewStore:
    """Make stores on a bucket of this test's own; it does not exist before the first write."""
    bucket = f"test-{secrets.token_hex(6)}"

    def new(**changes: object) -> S3Store:
        asked = {
            "endpoint": s3_server.endpoint,
            "access_key": s3_server.access_key,
            "secret_key": s3_server.secret_key,
        }
        return S3Store(s3_client(**asked | changes, secure=False, region="us-east-1"), bucket)

    return new


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    """An empty object store of each kind."""
    if request.param == "folder":
        return FolderStore(tmp_path / "objects")
    return request.getfixturevalue("s3_store")()
