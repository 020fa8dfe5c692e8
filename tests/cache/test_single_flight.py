"""Of many that miss the same key at once, one computes."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from appliance.cache.answers import Answer
from appliance.cache.interface import Cache
from appliance.cache.kinds import Kind
from appliance.cache.single_flight import computed_once
from appliance.clock import SystemClock
from appliance.owner import Owner
from appliance.testing.clock import FrozenClock

OWNER = Owner("app", "alice")
ROOT = Path(__file__).resolve().parents[2]
THREADS, PROCESSES = 8, 4


class Caller:
    """Somebody who wants values, and computes them where it has to."""

    def __init__(self, cache: Cache, computed: list[str], *, wait_s: float = 30.0, lease_s: float = 30.0) -> None:
        self.cache, self.computed = cache, computed
        self.clock = SystemClock()
        self.wait_s, self.lease_s = wait_s, lease_s
        self.going_on = threading.Event()
        self.going_on.set()
        self.began = threading.Event()
        self.pause = None

    def want(self, *keys: str) -> dict:
        more = {"pause": self.pause} if self.pause else {}
        return computed_once(
            self.cache, Kind.CONDITIONING, keys, self.compute, self.keep, clock=self.clock, wait_s=self.wait_s,
            lease_s=self.lease_s, **more,
        )  # fmt: skip

    def compute(self, keys) -> dict:
        self.began.set()
        assert self.going_on.wait(30)
        self.computed.extend(keys)
        return {key: f"value of {key}" for key in keys if not key.startswith("bad")}

    def keep(self, values) -> None:
        self.cache.keep([Answer(k, OWNER, Kind.CONDITIONING, v, 100.0, None) for k, v in values.items()])


def test_many_threads_compute_once(new_cache):
    computed: list[str] = []
    callers = [Caller(new_cache(), computed) for _ in range(THREADS)]
    with ThreadPoolExecutor(THREADS) as pool:
        found = list(pool.map(lambda caller: caller.want("one", "two"), callers))
    assert found == [{"one": "value of one", "two": "value of two"}] * THREADS
    assert sorted(computed) == ["one", "two"]


def test_many_processes_compute_once(form, new_cache, request, tmp_path):
    new_cache()
    address = {
        "redis": lambda: request.getfixturevalue("redis").url,
        "postgresql": lambda: request.getfixturevalue("postgres_url"),
        "sqlite": lambda: f"sqlite:///{tmp_path / 'test.sqlite3'}",
    }[form]()
    script = Path(__file__).with_name("computing_process.py")
    command = [sys.executable, str(script), form, address, str(tmp_path)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
        for _ in range(PROCESSES)
    ]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    told = [process.communicate(timeout=60)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * PROCESSES
    assert sum(map(int, told)) == 1


def test_who_waits_for_too_long_computes_too(new_cache):
    computed: list[str] = []
    slow, other = Caller(new_cache(), computed), Caller(new_cache(), computed, wait_s=10.0)
    other.clock = FrozenClock()
    other.pause = lambda pause_s: other.clock.advance(1.0)
    slow.going_on.clear()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(slow.want, "one")
        assert slow.began.wait(30)
        assert other.want("one") == {"one": "value of one"}
        slow.going_on.set()
        assert first.result(30) == {"one": "value of one"}
    assert computed == ["one", "one"]
    assert other.clock.monotonic_s() - FrozenClock().monotonic_s() == 10.0


def test_a_holder_that_failed_leaves_the_key_to_the_next(new_cache):
    computed: list[str] = []
    failing, other = Caller(new_cache(), computed), Caller(new_cache(), computed)

    def broken(values):
        raise RuntimeError("the disk is full")

    failing.keep = broken
    with pytest.raises(RuntimeError):
        failing.want("one")
    assert other.want("one") == {"one": "value of one"}


def test_what_cannot_be_computed_is_left_out_and_tried_once(new_cache):
    computed: list[str] = []
    caller = Caller(new_cache(), computed)
    assert caller.want("bad", "good") == {"good": "value of good"}
    assert sorted(computed) == ["bad", "good"]
    assert caller.cache.lease(["bad"], "next", 5.0) == {"bad"}
