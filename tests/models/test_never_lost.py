"""Twenty real recordings in flight when everything is killed: the product's promise, with the real models."""

import pytest

from appliance.audio.pcm import pcm_of
from appliance.audio.wav import wav_bytes
from appliance.engines.kokoro import Kokoro
from appliance.engines.protocols import SpeakRequest
from appliance.engines.speaker_encoder import ResemblyzerEncoder
from appliance.settings import Settings
from appliance.storage.database import Database
from appliance.storage.tables import targets, work_items
from tests.processes.conftest import Appliance

pytestmark = [pytest.mark.models, pytest.mark.full, pytest.mark.timeout(900)]

SENTENCES = [
    f"{opening} {ending}"
    for opening in ("Please call me", "I will send the report", "The meeting starts", "We can talk about it")
    for ending in ("tomorrow morning.", "on Monday.", "at nine o'clock.", "after lunch.", "before the end of the week.")
]


@pytest.fixture(scope="module")
def recordings(model_path) -> list[bytes]:
    """Twenty different messages, spoken by the stock voice."""
    kokoro_folder = model_path("kokoro-82m-int8")
    encoder = ResemblyzerEncoder(model_path("speaker-encoder") / "pretrained.pt")
    kokoro = Kokoro(kokoro_folder / "model.onnx", kokoro_folder / "voices", encoder)
    voice = kokoro.stock_voice("en")
    spoken = kokoro.speak([SpeakRequest(sentence, "en", voice) for sentence in SENTENCES])
    return [wav_bytes(pcm_of(speech.samples), speech.rate_hz) for speech in spoken]


def test_kill_9_with_twenty_real_jobs_in_flight_loses_none_and_doubles_none(recordings, models_dir, tmp_path):
    appliance = Appliance(Settings(data_dir=tmp_path, models_dir=models_dir, port=0), "appliance.cli serve")
    appliance.start()
    try:
        jobs = [appliance.submit(recording, "fr") for recording in recordings]
        appliance.kill()
        assert _count(appliance, targets, "done") < len(jobs)
        appliance.start()
        states = [appliance.finished(job, within_s=600)["state"] for job in jobs]
    finally:
        appliance.kill()
    assert states == ["done"] * len(jobs)
    assert _count(appliance, targets, "done") + _count(appliance, targets, "needs_review") == len(jobs)
    assert _count(appliance, work_items, "ready") == _count(appliance, work_items, "claimed") == 0


def _count(appliance: Appliance, table, state: str) -> int:
    database = Database(appliance.settings.database)
    with database.read() as connection:
        rows = connection.execute(table.select().where(table.c.state == state)).all()
    database.close()
    return len(rows)
