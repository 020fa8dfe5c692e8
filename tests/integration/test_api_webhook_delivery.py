"""Webhooks from the request that asks for one to the receiver that gets it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.audio.decoder import DecoderPool
from appliance.testing.webhook_receiver import HostileReceiver
from appliance.webhooks.loop import delivering
from appliance.webhooks.trouble import enable
from tests.integration.api_house import TRANSLATE, House, open_house


@pytest.fixture
def receiver() -> Iterator[HostileReceiver]:
    with HostileReceiver() as receiver:
        yield receiver


@pytest.fixture
def house(tmp_path: Path, receiver: HostileReceiver) -> Iterator[House]:
    allow = f"127.0.0.1:{receiver.port}"
    with DecoderPool() as decoder, open_house(tmp_path / "house", decoder, webhook_allow=allow) as house:
        yield house


def test_the_end_of_an_async_job_is_announced_by_the_running_delivery(house: House, receiver: HostileReceiver) -> None:
    answer = house.send("hello", "fr", path=f"{TRANSLATE}/async", webhook_url=receiver.url()).json()
    with delivering(house.database, house.parts.clock, house.settings):
        assert receiver.wait_for(1)

    (received,) = receiver.received
    assert json.loads(received.body)["data"]["job_id"] == answer["job_id"]
    assert received.headers["webhook-signature"].startswith("v1,")


def test_a_destination_that_is_gone_is_refused_until_it_is_enabled(house: House, receiver: HostileReceiver) -> None:
    def send(user: str) -> tuple[int, str]:
        response = house.send("hello", "fr", path=f"{TRANSLATE}/async", webhook_url=receiver.url(), user=user)
        return response.status_code, response.json().get("code", "")

    receiver.behave = lambda _path, _nth: "gone"
    assert send("alice") == (202, "")
    with delivering(house.database, house.parts.clock, house.settings):
        assert receiver.wait_for(1)

    assert send("bob") == (409, "destination_disabled")
    enable(house.database, receiver.url())
    assert send("bob") == (202, "")
