"""The whole appliance, as processes, with its objects on the S3 server."""

import os
import signal
from collections.abc import Iterator

import httpx
import pytest

from appliance.settings import Settings
from appliance.storage.opening import open_store
from tests.processes.conftest import Appliance, scripted_wav


@pytest.fixture
def appliance(s3_server, tmp_path) -> Iterator[Appliance]:
    settings = Settings(data_dir=tmp_path, port=0, **s3_server.settings("whole-appliance"))
    running = Appliance(settings, "appliance.testing.scripted_serve")
    running.start()
    yield running
    if running.process.poll() is None:
        os.killpg(running.process.pid, signal.SIGKILL)
        running.process.wait()


def test_jobs_run_over_an_outage_of_the_server(appliance, s3_server, tmp_path):
    first = appliance.finished(appliance.submit(scripted_wav("good morning"), "fr"))
    s3_server.stop()
    try:
        refused = httpx.post(
            f"{appliance.url}/api/v1/voice/translate/async",
            headers=appliance.headers,
            data={"user_id": "alice", "target_langs": "fr", "consent": "true"},
            files={"audio": ("note.wav", scripted_wav("good evening"))},
        )
        unheard = _audio(appliance, first)
    finally:
        s3_server.start()

    assert (refused.status_code, refused.json()["code"]) == (503, "storage_unavailable")
    assert unheard.status_code == 503
    heard = _audio(appliance, first, {"Range": "bytes=0-3"})
    assert (heard.status_code, heard.content) == (206, b"RIFF")
    second = appliance.finished(appliance.submit(scripted_wav("good evening"), "fr"))
    assert (first["state"], second["state"]) == ("done", "done")
    names = {entry.name.split("/")[0] for entry in open_store(appliance.settings).entries("")}
    assert names == {"pcm", "result", "speech"}
    assert not (tmp_path / "objects").exists()
    log = (tmp_path / "test.log").read_text()
    assert s3_server.access_key not in log
    assert s3_server.secret_key not in log


def _audio(appliance: Appliance, job: dict, headers: dict[str, str] | None = None) -> httpx.Response:
    (target,) = job["targets"]
    return httpx.get(
        f"{appliance.url}{target['audio_url']}",
        headers=appliance.headers | (headers or {}),
        params={"user_id": "alice"},
    )
