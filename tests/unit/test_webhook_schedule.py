import base64
import random

import pytest

from appliance.webhooks.outcome import outcome_of_status
from appliance.webhooks.schedule import JITTER, LONGEST_ASKED_S, SCHEDULE_S, asked_pause_s, pause_s
from appliance.webhooks.signing import signed_headers

NEW_YEAR_S = 1767225600.0


def test_the_schedule_takes_about_75_hours_and_ends() -> None:
    assert 75 * 3600 < sum(SCHEDULE_S) < 76 * 3600
    assert pause_s(len(SCHEDULE_S), random.Random(0)) is None


def test_pauses_are_spread_so_that_messages_do_not_come_back_in_waves() -> None:
    pauses = {pause_s(1, random.Random(seed)) for seed in range(20)}

    assert len(pauses) == 20
    assert all(SCHEDULE_S[1] * (1 - JITTER) <= pause <= SCHEDULE_S[1] * (1 + JITTER) for pause in pauses)


def test_a_receiver_may_ask_for_a_longer_pause_but_not_for_a_shorter_one() -> None:
    asked = {asked_s: pause_s(2, random.Random(0), asked_s) for asked_s in (0.0, 3600.0, 1e9)}

    assert asked[0.0] == pause_s(2, random.Random(0))
    assert 3600 <= asked[3600.0] <= 3600 * (1 + JITTER)
    assert LONGEST_ASKED_S <= asked[1e9] <= LONGEST_ASKED_S * (1 + JITTER)


def test_asking_does_not_lengthen_the_schedule() -> None:
    assert pause_s(len(SCHEDULE_S), random.Random(0), 60.0) is None


@pytest.mark.parametrize(
    ("status", "retry_after", "asked_s"),
    [
        (429, "120", 120.0),
        (502, "120", 120.0),
        (503, " 7 ", 7.0),
        (504, "0", 0.0),
        (503, "Thu, 01 Jan 2026 00:01:00 GMT", 60.0),
        (503, "Wed, 31 Dec 2025 00:00:00 GMT", 0.0),
        (503, "9" * 5000, 999_999_999.0),
        (500, "120", None),
        (301, "120", None),
        (429, None, None),
        (429, "", None),
        (429, "-5", None),
        (429, "soon", None),
        (429, "1.5", None),
        (429, "²", None),
        (429, "Thu, 99 Jan 2026 00:01:00 GMT", None),
        (429, "Thu, 01 Jan 99999999999 00:01:00 GMT", None),
        (429, "Thu, 01 Jan 0001 00:00:00 +2359", 0.0),
    ],
)
def test_what_a_receiver_asks_for(status: int, retry_after: str | None, asked_s: float | None) -> None:
    assert asked_pause_s(status, retry_after, NEW_YEAR_S) == asked_s


def test_only_2xx_delivers_and_only_410_disables() -> None:
    kinds = {status: outcome_of_status(status).kind for status in range(100, 600)}

    assert {status for status, kind in kinds.items() if kind == "delivered"} == set(range(200, 300))
    assert {status for status, kind in kinds.items() if kind == "gone"} == {410}


def test_the_signature_is_that_of_the_reference_libraries() -> None:
    """The vector that the Standard Webhooks libraries test themselves with."""
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    message = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330.9, b'{"test": 2432232314}'
    one, two = signed_headers([key], *message), signed_headers([key, b"k" * 32], *message)

    assert one["webhook-timestamp"] == "1614265330"
    assert one["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert two["webhook-signature"].split(" ")[0] == one["webhook-signature"]
    assert len(two["webhook-signature"].split(" ")) == 2
