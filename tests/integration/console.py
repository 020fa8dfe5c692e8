"""Somebody with a key of some role at the API of a whole appliance, and what makes dead letters for them."""

from typing import Any

import msgspec
import sqlalchemy as sa

from appliance.admin import schema
from appliance.storage.tables import jobs, targets, work_items
from tests.integration.api_house import House

ADMIN = "/api/v1/admin"
READS = ("me", "snapshot", "queue", "metrics", "history", "quality", "lanes/hear.p0/jobs", "dead-letters")


class Console:
    """A key of some role, and what it can ask."""

    def __init__(self, house: House, role: str = "operator", name: str = "anna") -> None:
        self.house, self.asked = house, 0
        self.key = house.another_key(name, role)

    def get(self, path: str, **params: Any) -> Any:
        return self.house.client.get(f"{ADMIN}/{path}", params=params, headers=self.house.headers(None, key=self.key))

    def read(self, path: str, kind: type, **params: Any) -> Any:
        answer = self.get(path, **params)
        assert answer.status_code == 200, answer.text
        return msgspec.json.decode(answer.content, type=kind)

    def act(self, path: str, key: str | None = None, **body: Any) -> Any:
        self.asked += 1
        headers = self.house.headers(None, key=self.key) | {"idempotency-key": key or f"key-{self.asked}"}
        return self.house.client.post(f"{ADMIN}/{path}", json=body, headers=headers)

    def snapshot(self) -> schema.Snapshot:
        return self.read("snapshot", schema.Snapshot)

    def lane(self, name: str) -> schema.Lane:
        return next(lane for lane in self.read("queue", schema.Queue).lanes if lane.name == name)

    def audited(self) -> list[tuple[str, str, str | None]]:
        page = self.read("audit", schema.AuditPage, action="console.")
        return [(entry.action, entry.subject, entry.result) for entry in page.entries]


def fail(house: House, job_id: str, code: str = "worker_lost") -> None:
    """Let a waiting job have failed, as after its worker was lost too often."""
    with house.database.write() as connection:
        now_s = house.database.now_s(connection)
        error = {"code": code, "detail": "It was tried."}
        mine = work_items.c.job_id == job_id
        connection.execute(sa.update(work_items).where(mine).values(state="failed", attempts=3))
        connection.execute(
            sa.update(targets).where(targets.c.job_id == job_id).values(state="failed", error=error, finished_s=now_s)
        )
        connection.execute(
            sa.update(jobs).where(jobs.c.id == job_id).values(state="failed", error=error, finished_s=now_s)
        )
