"""The hostile receiver does what it is told to."""

from collections.abc import Iterator

import httpx
import pytest

from appliance.testing.webhook_receiver import FAULTS, HostileReceiver, accepting, misbehaving


@pytest.fixture
def receiver() -> Iterator[HostileReceiver]:
    with HostileReceiver() as receiver:
        yield receiver


def _send(receiver: HostileReceiver, behaviour: str, **more) -> httpx.Response:
    receiver.behave = lambda _path, _nth: behaviour
    with httpx.Client(trust_env=False) as client:
        return client.post(receiver.url(), content=b"{}", headers={"webhook-id": "msg_1"}, timeout=0.3, **more)


@pytest.mark.parametrize(
    ("behaviour", "status"), [("accept", 204), ("error", 500), ("busy", 429), ("gone", 410), ("redirect", 302)]
)
def test_it_answers(receiver, behaviour: str, status: int) -> None:
    assert _send(receiver, behaviour).status_code == status


def test_a_busy_one_says_for_how_long(receiver) -> None:
    assert _send(receiver, "busy").headers["retry-after"] == "120"


@pytest.mark.parametrize("behaviour", ["hang", "hold"])
def test_it_does_not_answer(receiver, behaviour: str) -> None:
    with pytest.raises(httpx.ReadTimeout):
        _send(receiver, behaviour)


def test_it_drips_for_longer_than_a_timeout_of_one_read(receiver) -> None:
    receiver.drip = b"a" * 4096

    with pytest.raises(httpx.RemoteProtocolError):  # httpx reads on until the header is too large for it
        _send(receiver, "drip")


@pytest.mark.parametrize("behaviour", ["reset", "garbage"])
def test_it_breaks_off(receiver, behaviour: str) -> None:
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        _send(receiver, behaviour)


def test_who_follows_its_redirect_is_counted(receiver) -> None:
    _send(receiver, "redirect", follow_redirects=True)

    assert receiver.visitors_elsewhere == 1
    assert len(receiver.received) == 1


def test_it_keeps_what_it_gets(receiver) -> None:
    _send(receiver, "error")
    _send(receiver, "accept")

    assert [got.behaviour for got in receiver.received] == ["error", "accept"]
    assert receiver.received[0].body == b"{}"
    assert receiver.accepted() == {"msg_1": 1}
    assert receiver.most_at_once == {"msg_1": 1}


def test_the_same_seed_misbehaves_alike_and_accepts_in_the_end() -> None:
    paths = [f"/hook/{number}" for number in range(200)]
    once, again = ([[misbehaving(7)(path, nth) for nth in range(4)] for path in paths] for _ in range(2))

    assert once == again
    assert all(behaviours[-1] == "accept" for behaviours in once)
    assert {behaviour for behaviours in once for behaviour in behaviours} == {"accept", *FAULTS}
    assert accepting("/hook", 0) == "accept"
