"""Doorbells: every ring is answered, rings that wait together count once, a failed answer harms nothing."""

import threading

from appliance.errors import StorageUnavailable
from appliance.workers.doorbell import LocalDoorbell

ANSWER_LIMIT_S = 10.0


def test_a_ring_is_answered():
    answered = threading.Event()
    with LocalDoorbell(answered.set) as doorbell:
        doorbell.ring()
        assert answered.wait(ANSWER_LIMIT_S)


def test_a_ring_during_an_answer_is_answered_afterwards():
    first, again, go_on = threading.Event(), threading.Event(), threading.Event()

    def answer():
        if first.is_set():
            again.set()
        first.set()
        go_on.wait(ANSWER_LIMIT_S)

    with LocalDoorbell(answer) as doorbell:
        doorbell.ring()
        assert first.wait(ANSWER_LIMIT_S)
        for _ in range(5):
            doorbell.ring()
        go_on.set()
        assert again.wait(ANSWER_LIMIT_S)


def test_an_answer_that_fails_does_not_stop_the_next():
    calls, second = [], threading.Event()

    def answer():
        calls.append(None)
        if len(calls) == 1:
            raise StorageUnavailable
        second.set()

    with LocalDoorbell(answer) as doorbell:
        doorbell.ring()
        while not calls:
            threading.Event().wait(0.001)
        doorbell.ring()
        assert second.wait(ANSWER_LIMIT_S)
