"""Every label of every sample that processes tell, after traffic that tries to get something else in there."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from appliance.audio.decoder import DecoderPool
from appliance.clock import SystemClock
from appliance.errors import every_error
from appliance.gpus.reading import GpuReading, HostReading
from appliance.gpus.records import record_reading
from appliance.housekeeping.duties import DUTIES
from appliance.housekeeping.house import House as HouseToKeep
from appliance.housekeeping.rounds import Rounds
from appliance.jobs.items import FAMILIES
from appliance.jobs.pool_actions import record_action
from appliance.jobs.states import JobState
from appliance.stages.context import Context
from appliance.stages.references import References
from appliance.status.collector import FiguresCollector
from appliance.workers.worker import Worker
from tests.integration.api_house import House, open_house

USER, SECRET = "mallory-of-the-logs", "good morning my secret"
GPU = GpuReading(index=0, uuid="GPU-1", name="NVIDIA A100-SXM4-40GB", memory_used_bytes=1, ecc_uncorrected=0)
INSTANCE = GpuReading(index=0, instance="1/0", mig="3g.20gb", uuid="MIG-1", name="NVIDIA A100-SXM4-40GB MIG 3g.20gb")

OUTCOMES = {
    "met",
    "late",
    "failed",
    "hit",
    "miss",
    "hits",
    "own_hits",
    "misses",
    "delivered",
    "missed",
    "gone",
    "disabled",
}
STATES = {state.value for state in JobState} | {
    "waiting", "running", "held", "lost", "taking", "draining", "disabled", "failing",
}  # fmt: skip
KINDS = {
    "whisper",
    "voice",
    "pack",
    "corrected",
    "uncorrected",
    "audio",
    "result",
    "transcription",
    "translation",
}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with DecoderPool() as decoder, open_house(tmp_path, decoder, metrics_open=True, requests_per_minute=8) as house:
        house.parts.metrics.count_commits_of(house.database.engine)
        house.parts.metrics.registry.register(FiguresCollector(house.database, house.settings))
        yield house


def work(house: House) -> None:
    context = Context(
        house.database, house.objects, house.engines, house.settings, References(), SystemClock()
    )  # fmt: skip
    worker = Worker(context, "w1", metrics=house.parts.metrics)
    worker.run_until_idle()
    worker.observations.tell(house.database)
    Rounds(HouseToKeep(house.database, house.objects, house.settings), SystemClock(), house.parts.metrics)()


def traffic(house: House) -> list[str]:
    """Do all kinds of things, well and badly, and return what no label may hold."""
    house.working = False
    jobs = [house.send(text, "fr", "es", user=USER, path="/api/v1/voice/translate/async") for text in (SECRET, "bye")]
    work(house)
    house.send(SECRET, "fr", user=USER)
    ids = [job.json()["job_id"] for job in jobs]
    house.client.delete(f"/api/v1/voice/job/{ids[0]}", headers=house.headers(USER))
    for path in (f"/{USER}", f"/api/v1/voice/job/{USER}", "/api/v1/usage?user=" + USER, f"/api/v1/{ids[0]}/{USER}"):
        house.client.get(path, headers=house.headers(USER))
    for number in range(4):
        house.client.request(f"MALLORY{number}", "/health/live")
        house.client.request(f"MALLORY{number}", f"/{USER}/{number}")
    for _ in range(10):
        house.client.get("/api/v1/usage", headers=house.headers(USER))
    record_reading(house.database, f"node-1:{USER}:pid", HostReading(gpus=(GPU, INSTANCE), driver="570"))
    record_action(
        house.database, host=USER, device=USER, role="all", action="died", pid=1, reason=f"signal 9 {USER}"
    )  # fmt: skip
    return [USER, SECRET, "MALLORY", *ids, house.key.key, house.key.id, "messenger", "alice", "testserver", "/tmp"]


def samples(house: House) -> list:
    text = house.client.get("/metrics").text
    return [sample for family in text_string_to_metric_families(text) for sample in family.samples]


def test_no_label_holds_a_user_a_key_a_job_a_text_or_what_a_client_made_up(house):
    forbidden = traffic(house)
    text = house.client.get("/metrics").text
    assert not [word for word in forbidden if word in text]


def test_every_label_has_one_of_few_values(house):
    traffic(house)
    routes = {route.path_format for route in house.app.routes} | {"unmatched"}
    allowed = {
        "version": r"\d+\.\d+\.\d+", "route": routes, "status": r"[1-5]xx|none",
        "code": {each.code for each in every_error()},
        "method": {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other"}, "priority": {"0", "1", "2"},
        "state": STATES, "outcome": OUTCOMES, "verdict": {"accepted", "needs_review"}, "duty": set(DUTIES),
        "voice": {"stock", "matched", "cloned"}, "family": set(FAMILIES), "level": {"l1", "l2", "l3"}, "kind": KINDS,
        "cause": {"worker_dead", "lease_over", "batch_failed", "storage_away"}, "what": {"translated", "spoken"},
        "action": {"start", "stop", "change", "killed", "died"}, "node": r"node-1", "gpu": r"\d{1,2}",
        "mig": r"(\d+/\d+|#\d)?", "name": r"[\w .-]+", "profile": r"(\d+g\.\d+gb)?", "le": r"[\d.e+]+|\+Inf",
    }  # fmt: skip
    seen = set()
    for sample in samples(house):
        if not sample.name.startswith("meeshy_"):
            continue
        for label, value in sample.labels.items():
            known = allowed[label]
            assert re.fullmatch(known, value) if isinstance(known, str) else value in known, (sample.name, label, value)
            seen.add(label)
    assert seen >= {"route", "code", "duty", "family", "node", "mig", "voice", "level", "action"}


def test_what_happened_is_told(house):
    traffic(house)
    found = {
        (sample.name, *(value for key, value in sorted(sample.labels.items()) if key != "le")): sample.value
        for sample in samples(house)
        if not sample.name.endswith("_bucket")
    }
    assert found["meeshy_jobs_sla_total", "met", "0"] == 3
    assert found["meeshy_jobs_sla_total", "late", "0"] == 0
    assert found["meeshy_job_duration_seconds_count", "0"] == 2
    assert found["meeshy_receipts_total", "accepted"] + found["meeshy_receipts_total", "needs_review"] == 4
    assert found["meeshy_receipt_wer_ratio_count",] == 4
    assert found["meeshy_work_audio_seconds_total", "hear"] > 0
    assert found["meeshy_real_time_factor_ratio", "hear"] > 0
    assert found["meeshy_admission_open", "0"] == 1
    assert found["meeshy_worker_slots", "finish"] == 1
    assert found["meeshy_http_requests_total", "GET", "/api/v1/usage", "4xx"] >= 2
    assert found["meeshy_refusals_total", "rate_limited"] >= 2
    assert found["meeshy_pool_recent_actions", "died"] == 1
    assert found["meeshy_gpu_up", "0", "1/0", "node-1"] == 1
    assert found["meeshy_gpu_ecc_errors", "0", "uncorrected", "", "node-1"] == 0
    assert ("meeshy_gpu_utilisation_ratio", "0", "", "node-1") not in found
