"""Work pauses while the object store is away, and goes on by itself."""

import secrets
import shutil
from types import SimpleNamespace

import pytest
import sqlalchemy as sa

from appliance.jobs.states import ItemState
from appliance.owner import Owner
from appliance.storage.folder import FolderStore
from appliance.storage.s3 import S3Store
from appliance.storage.s3_client import s3_client
from appliance.storage.tables import work_items
from tests.services import s3_server as s3_server

NOBODY = "127.0.0.1:1"
"""Nothing listens on that port."""


def _no_server(folder):
    return _bucket("meeshy", NOBODY, "access", "secret")


def _bucket(name, endpoint, access_key, secret_key):
    return S3Store(s3_client(endpoint, access_key, secret_key, secure=False, region="us-east-1"), name)


def _full_disk(folder):
    return FolderStore(folder, reserve_bytes=1 << 60)


@pytest.mark.parametrize("outage", [_no_server, _full_disk])
def test_an_outage_longer_than_all_attempts_costs_no_job(bench, tmp_path, outage):
    _wait_out(bench, outage(tmp_path / "objects"))


def test_a_server_that_answers_and_takes_nothing_is_an_outage_too(bench, s3_server):
    bucket = f"test-{secrets.token_hex(6)}"
    bench.objects = _bucket(bucket, s3_server.endpoint, s3_server.access_key, s3_server.secret_key)
    takes_nothing = _bucket(bucket, s3_server.endpoint, s3_server.reader_key, s3_server.reader_secret)
    bench.objects.put("pcm/0a/there", b"the bucket")
    takes_nothing.require_writable()
    _wait_out(bench, takes_nothing)


def _wait_out(bench, outage):
    """Submit jobs, let workers find that store for longer than all attempts, and have the jobs end on their own one."""
    jobs = [bench.submit(f"message {number}", "fr", owner=Owner("app", f"u{number}")) for number in range(3)]
    at_hand, bench.objects = bench.objects, outage

    for _ in range(2 * bench.settings.attempts):
        bench.run()
        bench.clock.advance(bench.settings.lease_s + 1)
        bench.reconcile()
    waiting = _items(bench)
    bench.objects = at_hand
    bench.run()

    assert {(state, attempts) for state, attempts in waiting if state != ItemState.DONE} == {(ItemState.READY, 0)}
    assert {bench.get(job).state for job in jobs} == {"done"}


def test_a_paused_worker_starts_nothing_and_goes_on_when_there_is_room_again(bench, tmp_path, monkeypatch):
    bench.objects = FolderStore(tmp_path / "objects", reserve_bytes=1)
    job = bench.submit("good morning", "fr")
    worker = bench.worker()
    with monkeypatch.context() as full:
        full.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=0))
        worker.run_until_idle()
        tried = len(bench.synthesizer.spoken)
        assert (worker.run_until_idle(), worker.run_until_idle()) == (0, 0)
        assert len(bench.synthesizer.spoken) == tried == 1

    worker.run_until_idle()
    assert bench.get(job).state == "done"


def test_one_unreadable_object_fails_its_own_job_alone(bench, tmp_path):
    broken = bench.submit("broken", "fr", owner=Owner("app", "u1"))
    whole = bench.submit("whole", "fr", owner=Owner("app", "u2"))
    path = tmp_path / "objects" / broken.audio.pcm
    path.unlink()
    path.symlink_to(path)

    for _ in range(bench.settings.attempts):
        bench.run()
        bench.clock.advance(bench.settings.lease_s + 1)
        bench.reconcile()
    bench.run()

    assert bench.get(whole).state == "done"
    assert (bench.get(broken).state, bench.get(broken).error.code) == ("failed", "worker_lost")


def _items(bench):
    with bench.rows() as connection:
        return connection.execute(sa.select(work_items.c.state, work_items.c.attempts)).all()
