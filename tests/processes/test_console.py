"""An operator at a real appliance: what is paused stays paused over a crash, figures survive it, workers drain."""

import httpx
import msgspec

from appliance.admin.schema import History, Lane, Snapshot
from tests.processes.conftest import eventually, scripted_wav

ADMIN = "/api/v1/admin"


class Operator:
    def __init__(self, appliance) -> None:
        self.appliance, self.asked = appliance, 0

    def read(self, path: str, kind: type, **params: object):
        answer = httpx.get(f"{self.appliance.url}{ADMIN}/{path}", headers=self.appliance.headers, params=params)
        answer.raise_for_status()
        return msgspec.json.decode(answer.content, type=kind)

    def act(self, path: str, **body: object) -> dict:
        self.asked += 1
        headers = {**self.appliance.headers, "Idempotency-Key": f"key-{self.asked}"}
        answer = httpx.post(f"{self.appliance.url}{ADMIN}/{path}", headers=headers, json=body)
        assert answer.status_code == 202, answer.text
        return answer.json()

    def snapshot(self) -> Snapshot:
        return self.read("snapshot", Snapshot)

    def lane(self, name: str) -> Lane:
        return next(lane for lane in self.snapshot().lanes if lane.name == name)


def test_a_pause_outlives_a_crash_and_ends_with_its_resumption(scripted):
    appliance = scripted()
    operator = Operator(appliance)
    operator.act("lanes/translate.p0/pause", reason="a new pack", expected_state="open")
    eventually(lambda: operator.lane("translate.p0").state == "paused", "every worker has seen it")
    job_id = appliance.submit(scripted_wav("good morning"), "fr")
    eventually(lambda: operator.lane("translate.p0").depth == 1, "it waits to be translated")

    appliance.kill()
    appliance.start()
    lane = operator.lane("translate.p0")
    assert (lane.state, lane.depth, lane.running) == ("paused", 1, 0)
    operator.act("lanes/translate.p0/resume")

    assert appliance.finished(job_id)["state"] == "done"


def test_a_worker_drains_and_is_undrained(scripted):
    appliance = scripted()
    operator = Operator(appliance)
    appliance.finished(appliance.submit(scripted_wav("good morning"), "fr"))
    (worker,) = operator.snapshot().workers
    operator.act(f"workers/{worker.id}/drain", reason="a new driver")
    eventually(lambda: operator.snapshot().workers[0].state == "drained", "it has seen it")
    job_id = appliance.submit(scripted_wav("good evening"), "fr")
    eventually(lambda: operator.lane("hear.p0").depth == 1, "nobody takes it")

    operator.act(f"workers/{worker.id}/undrain")

    assert appliance.finished(job_id)["state"] == "done"


def test_figures_of_all_processes_are_told_and_survive_a_crash(scripted):
    appliance = scripted()
    operator = Operator(appliance)
    appliance.finished(appliance.submit(scripted_wav("good morning"), "fr"))

    def told() -> bool:
        stages = {each.stage: each.worked.count for each in operator.snapshot().latency}
        return all(stages[name] >= 1 for name in ("total", "hear", "synthesize", "finish"))

    # The ends of languages are counted ten seconds later, when their transactions are surely over.
    eventually(told, "worker and API have told what they counted")
    eventually(lambda: "latency_p95" in operator.read("history", History).known, "the history has it")

    appliance.kill()
    appliance.start()

    history = operator.read("history", History, series="jobs_per_minute,latency_p95,worked.hear_p50")
    assert all(series.overall for series in history.series)
