"""Profiles whose objects lie on an S3 server: sealed there too, and gone from it when they are erased."""

import secrets

import pytest

from appliance.audio.pcm import pcm_of
from appliance.housekeeping.house import House
from appliance.housekeeping.orphans import delete_orphans
from appliance.storage.s3 import S3Store
from appliance.storage.s3_client import s3_client
from appliance.testing.speakers import spoken_by
from tests.jobs.studio import ALICE, Studio, voice_of
from tests.services import s3_server as s3_server


@pytest.fixture
def studio(bench, s3_server) -> Studio:
    client = s3_client(
        endpoint=s3_server.endpoint, access_key=s3_server.access_key, secret_key=s3_server.secret_key, secure=False,
        region="us-east-1",
    )  # fmt: skip
    bench.objects = S3Store(client, f"test-{secrets.token_hex(6)}")
    return Studio(bench)


def test_a_profile_comes_speaks_and_goes_on_an_s3_server(studio):
    subject = "Canary Subject Quetzal"
    studio.enrolled(subject=subject)
    studio.judged(ALICE, "alice", "sample 1")
    job = studio.translated("alice", "good morning")
    assert voice_of(job)["profile_version"] == 2
    sound = pcm_of(spoken_by("sample 1", "alice", 12.0))[4000:4200]
    stored = {name: studio.objects.get(name) for name in studio.bench.stored()}
    assert len([name for name in stored if name.startswith("voice/")]) == 3
    assert [name for name, content in stored.items() if sound in content or subject.encode() in content] == []
    assert delete_orphans(House(studio.database, studio.objects, studio.bench.settings, dry_run=True)).found == 0

    assert studio.erase().complete

    left = studio.bench.stored()
    assert [name for name in left if name.startswith(("voice/", "result/", "speech/"))] == []
    assert len([name for name in left if name.startswith("tombstone/")]) == 1
