"""A slot of a worker goes on whatever fails beside its batches."""

import threading

import pytest

from appliance.errors import StorageUnavailable
from appliance.workers import standalone


class Failing:
    """Fails the first time that it is to work, and lets its process end the second time."""

    def __init__(self, failure: Exception, gone: threading.Event) -> None:
        self.failure, self.gone, self.calls = failure, gone, 0

    def run_until_idle(self) -> int:
        self.calls += 1
        if self.calls == 1:
            raise self.failure
        self.gone.set()
        return 0


@pytest.mark.parametrize("failure", [StorageUnavailable(), ValueError("a claim that nobody foresaw")])
def test_a_slot_looks_for_work_again_after_a_failure(failure, monkeypatch):
    monkeypatch.setattr(standalone, "AWAY_S", 0.0)
    gone, wake = threading.Event(), threading.Event()
    worker = Failing(failure, gone)
    wake.set()
    standalone._claim_while_woken(worker, wake, gone)
    assert worker.calls == 2
