import base64
import hashlib
import hmac
import json
import random
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa

from appliance.access.keys import IssuedKey, create_key
from appliance.application_secret import webhook_secret
from appliance.audio.decoder import DecoderPool
from appliance.jobs.states import JobState, TargetState
from appliance.settings import Settings
from appliance.storage.database import Database
from appliance.storage.tables import jobs, metadata, outbox, targets
from appliance.testing.clock import FrozenClock
from appliance.webhooks.delivery import ATTEMPTS, FIRST_PAUSE_S, LONGEST_PAUSE_S, deliver_due, pause_s
from appliance.webhooks.loop import delivering
from tests.integration.api_house import TRANSLATE, open_house


@dataclass
class Receiver:
    """A real HTTP server that keeps what it gets and answers as told."""

    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    port: int = 0
    arrived: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    told = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            told.received.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(told.status)
            for name, value in told.headers.items():
                self.send_header(name, value)
            self.end_headers()
            told.arrived.set()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        told.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield told
        server.shutdown()
        thread.join()


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@dataclass
class Outbox:
    database: Database
    clock: FrozenClock
    settings: Settings
    application: IssuedKey
    client: httpx.Client

    def add(self, destination: str, message: str = "msg_1") -> None:
        now_s = self.clock.now_s()
        job_id = f"job_of_{message}"
        with self.database.write() as connection:
            connection.execute(
                sa.insert(jobs).values(
                    id=job_id, application_id=self.application.application_id, user_id="alice", state=JobState.DONE,
                    accepted_s=now_s, deadline_s=now_s, finished_s=now_s, request={"targets": ["fr"]},
                    request_sha256="0", audio_sha256="0",
                )
            )  # fmt: skip
            connection.execute(
                sa.insert(targets).values(
                    id=f"target_of_{message}", job_id=job_id, position=0, language="fr", state=TargetState.DONE,
                    result_key="0", cached=False, translation={"text": "un secret"},
                )
            )  # fmt: skip
            connection.execute(
                sa.insert(outbox).values(
                    id=message, job_id=job_id, destination=destination, state="waiting", attempts=0,
                    next_attempt_s=now_s, created_s=now_s,
                )
            )  # fmt: skip

    def deliver(self) -> int:
        return deliver_due(self.database, self.clock, self.client, self.settings, random.Random(1))

    def row(self, message: str = "msg_1") -> sa.Row:
        with self.database.read() as connection:
            return connection.execute(sa.select(outbox).where(outbox.c.id == message)).one()


@pytest.fixture
def box(tmp_path: Path, clock: FrozenClock, receiver: Receiver) -> Iterator[Outbox]:
    database = Database(f"sqlite:///{tmp_path / 'test.sqlite3'}", clock)
    metadata.create_all(database.engine)
    settings = Settings(data_dir=tmp_path, webhook_allow=f"127.0.0.1:{receiver.port}, hooks.invalid")
    with httpx.Client(trust_env=False) as client:
        yield Outbox(database, clock, settings, create_key(database, "messenger", "app"), client)
    database.close()


def test_a_message_arrives_signed_so_that_a_receiver_can_verify_it(box: Outbox, receiver: Receiver) -> None:
    box.add(f"http://127.0.0.1:{receiver.port}/hook?a=1")

    assert box.deliver() == 1

    headers, body = receiver.received[0]
    key = base64.b64decode(webhook_secret(box.application.token_secret).removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert headers["webhook-id"] == "msg_1"
    assert headers["webhook-timestamp"] == str(int(box.clock.now_s()))
    assert headers["host"] == f"127.0.0.1:{receiver.port}"
    assert box.row().state == "delivered"


def test_a_message_says_what_became_of_the_job_and_quotes_nobody(box: Outbox, receiver: Receiver) -> None:
    box.add(f"http://127.0.0.1:{receiver.port}/hook")
    box.deliver()

    _, body = receiver.received[0]
    message = json.loads(body)
    assert message["type"] == "voice.job.done"
    assert message["data"]["job_id"] == "job_of_msg_1"
    assert message["data"]["targets"] == [{"language": "fr", "state": "done", "error": None}]
    assert b"un secret" not in body


def test_a_delivered_message_is_not_sent_again(box: Outbox, receiver: Receiver) -> None:
    box.add(f"http://127.0.0.1:{receiver.port}/hook")
    box.deliver()
    box.clock.advance(10 * LONGEST_PAUSE_S)

    assert box.deliver() == 0
    assert len(receiver.received) == 1


def test_a_failing_receiver_is_tried_again_with_the_same_id_after_growing_pauses(
    box: Outbox, receiver: Receiver
) -> None:
    receiver.status = 500
    box.add(f"http://127.0.0.1:{receiver.port}/hook")
    pauses = []
    for _ in range(3):
        assert box.deliver() == 1
        assert box.deliver() == 0
        pauses.append(box.row().next_attempt_s - box.clock.now_s())
        box.clock.advance(pauses[-1])

    assert box.row().state == "waiting"
    assert pauses[0] < pauses[1] < pauses[2]
    assert {headers["webhook-id"] for headers, _ in receiver.received} == {"msg_1"}
    receiver.status = 200
    box.deliver()
    assert box.row().state == "delivered"


def test_after_the_last_attempt_the_message_has_failed(box: Outbox, receiver: Receiver) -> None:
    receiver.status = 503
    box.add(f"http://127.0.0.1:{receiver.port}/hook")
    for _ in range(ATTEMPTS):
        box.deliver()
        box.clock.advance(2 * LONGEST_PAUSE_S)

    assert box.row().state == "failed"
    assert len(receiver.received) == ATTEMPTS
    assert box.deliver() == 0


def test_a_receiver_that_is_gone_is_left_alone(box: Outbox, receiver: Receiver) -> None:
    receiver.status = 410
    box.add(f"http://127.0.0.1:{receiver.port}/hook")
    box.deliver()
    box.clock.advance(2 * LONGEST_PAUSE_S)

    assert box.row().state == "gone"
    assert box.deliver() == 0


def test_a_redirect_is_not_followed(box: Outbox, receiver: Receiver) -> None:
    receiver.status = 307
    receiver.headers = {"location": f"http://127.0.0.1:{receiver.port}/elsewhere"}
    box.add(f"http://127.0.0.1:{receiver.port}/hook")

    box.deliver()

    assert len(receiver.received) == 1
    assert box.row().state == "waiting"


def test_a_receiver_that_does_not_listen_is_tried_again(box: Outbox) -> None:
    box.settings = box.settings.model_copy(update={"webhook_allow": "127.0.0.1:1"})
    box.add("http://127.0.0.1:1/hook")

    assert box.deliver() == 1
    assert box.row().state == "waiting"


def test_a_name_without_an_address_is_tried_again(box: Outbox) -> None:
    box.add("https://hooks.invalid/hook")

    assert box.deliver() == 1
    assert box.row().state == "waiting"


def test_a_destination_that_left_the_list_is_not_sent_to(box: Outbox, receiver: Receiver) -> None:
    box.add(f"http://127.0.0.1:{receiver.port}/hook")
    box.settings = box.settings.model_copy(update={"webhook_allow": ""})

    box.deliver()

    assert receiver.received == []
    assert box.row().state == "refused"


def test_a_message_in_another_process_hands_is_not_taken(box: Outbox, receiver: Receiver) -> None:
    receiver.status = 500
    box.add(f"http://127.0.0.1:{receiver.port}/hook")
    taken = threading.Barrier(2)
    counts: list[int] = []

    def run() -> None:
        taken.wait()
        counts.append(box.deliver())

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(counts) == [0, 1]


def test_pauses_are_spread_so_that_messages_do_not_come_in_waves() -> None:
    first = {pause_s(1, random.Random(seed)) for seed in range(20)}

    assert len(first) == 20
    assert min(first) >= FIRST_PAUSE_S
    assert max(first) <= 1.2 * FIRST_PAUSE_S
    assert pause_s(50, random.Random(0)) <= 1.2 * LONGEST_PAUSE_S


def test_the_end_of_an_async_job_is_announced_by_the_running_delivery(tmp_path: Path, receiver: Receiver) -> None:
    allow = f"127.0.0.1:{receiver.port}"
    with DecoderPool() as decoder, open_house(tmp_path / "house", decoder, webhook_allow=allow) as house:
        answer = house.send("hello", "fr", path=f"{TRANSLATE}/async", webhook_url=f"http://{allow}/hook").json()
        with delivering(house.database, house.parts.clock, house.settings):
            assert receiver.arrived.wait(60)

    headers, body = receiver.received[0]
    assert json.loads(body)["data"]["job_id"] == answer["job_id"]
    assert headers["webhook-signature"].startswith("v1,")
