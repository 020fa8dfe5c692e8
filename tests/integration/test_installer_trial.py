"""The gate of installation and upgrade has a real appliance translate a note, and believes nothing else."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from appliance import __version__
from appliance.audio.decoder import DecoderPool
from appliance.jobs.endings import cancel_targets
from appliance.stages.context import Engines
from appliance.storage.tables import jobs
from appliance.testing.engines import ScriptedEncoder, ScriptedSynthesizer, ScriptedTranscriber, ScriptedTranslator
from installer.__main__ import main
from installer.target.failure import TargetFailed
from installer.target.trial import LONGEST_WAITS, Edge, run_trial
from tests.integration.api_house import House, open_house, recording
from tests.integration.api_serving import serving
from tests.processes.conftest import eventually

LONG_S = 60.0
GARBLED = Engines(
    ScriptedTranscriber(), ScriptedTranslator(), ScriptedSynthesizer(spoiled_seeds=range(100)), ScriptedEncoder(),
    whisper_translates=False,
)  # fmt: skip


@contextmanager
def served(
    folder: Path, decoder: DecoderPool, engines: Engines | None = None, **settings: Any
) -> Iterator[tuple[House, str]]:
    with open_house(folder, decoder, engines, **settings) as house:
        house.registry.proven()
        with serving(house) as port:
            yield house, f"http://127.0.0.1:{port}"


@pytest.fixture
def appliance(tmp_path, decoder):
    with served(tmp_path / "data", decoder) as (house, url):
        yield house, url


@pytest.fixture
def note(tmp_path):
    path = tmp_path / "note.wav"
    path.write_bytes(recording("good morning everybody"))
    return path


def no_waiting(_):
    pass


def test_a_note_is_translated_twice_by_work_and_nothing_of_it_stays(appliance, note):
    house, url = appliance
    edge = Edge(url, house.key.key, None)

    first, second = (run_trial(edge, note, "fr", __version__, LONG_S) for _ in range(2))

    assert first.version == __version__
    assert min(first.audio_bytes, second.audio_bytes) > 10_000
    assert house.rings > 1
    with house.database.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(jobs)) == 0


def test_what_is_heard_wrong_does_not_pass(tmp_path, decoder, note):
    with (
        served(tmp_path / "data", decoder, GARBLED) as (house, url),
        pytest.raises(TargetFailed, match="The note ended as needs_review"),
    ):
        run_trial(Edge(url, house.key.key, None), note, "fr", __version__, LONG_S)


def test_another_release_than_the_expected_one_does_not_pass(appliance, note):
    house, url = appliance

    with pytest.raises(TargetFailed, match=f"{__version__} answers at the edge instead of 99.0"):
        run_trial(Edge(url, house.key.key, None), note, "fr", "99.0", LONG_S)


def test_a_job_that_nobody_works_on_is_waited_for_and_then_told(appliance, note):
    house, url = appliance
    house.working = False
    moments = iter(range(1000))

    with pytest.raises(TargetFailed, match="No translation within 20 s; last: the job is "):
        run_trial(Edge(url, house.key.key, None), note, "fr", __version__, 20, lambda: float(next(moments)), no_waiting)


class Queue:
    """Jobs before a note, of which every so many seconds one goes; the clock goes on with each look."""

    def __init__(self, house: House, jobs: int, each_s: float) -> None:
        house.working = False
        self._house, self._each_s = house, each_s
        self._before = [house.waiting_job(f"message {number}") for number in range(jobs)]
        self.time_s = 0.0

    def now_s(self) -> float:
        return self.time_s

    def wait(self, seconds: float) -> None:
        self.time_s += seconds
        if self._before and self.time_s % self._each_s == 0:
            with self._house.database.write() as connection:
                cancel_targets(connection, self._before.pop(), self._house.database.now_s(connection))
        elif not self._before:
            self._house.work()


def test_a_queue_that_is_worked_off_before_the_note_is_waited_for(appliance, note):
    house, url = appliance
    queue = Queue(house, jobs=4, each_s=15.0)

    done = run_trial(Edge(url, house.key.key, None), note, "fr", __version__, 20, queue.now_s, queue.wait)

    assert 60 < done.seconds < 70


def test_a_queue_that_stands_before_the_note_is_waited_for_no_longer_than_nothing(appliance, note):
    house, url = appliance
    queue = Queue(house, jobs=2, each_s=25.0)

    with pytest.raises(TargetFailed, match="No translation within 20 s; last: the job is running, with 2 before it"):
        run_trial(Edge(url, house.key.key, None), note, "fr", __version__, 20, queue.now_s, queue.wait)
    assert queue.time_s < 25


def test_a_queue_that_takes_for_ever_is_not_waited_for_for_ever(appliance, note):
    house, url = appliance
    queue = Queue(house, jobs=LONGEST_WAITS + 3, each_s=19.0)

    with pytest.raises(TargetFailed, match="No translation within 120 s; last: the job is running, with 3 before it"):
        run_trial(Edge(url, house.key.key, None), note, "fr", __version__, 20, queue.now_s, queue.wait)
    assert LONGEST_WAITS * 20 <= queue.time_s <= LONGEST_WAITS * 20 + 2


@contextmanager
def full(folder: Path, decoder: DecoderPool, frees_s: float) -> Iterator[tuple[Queue, Edge]]:
    """Serve an appliance that takes no job until its only one has gone after so long."""
    with served(folder, decoder, most_waiting_jobs=1, requests_per_minute=0) as (house, url):
        queue, edge = Queue(house, jobs=1, each_s=frees_s), Edge(url, house.key.key, None)

        def refuses() -> bool:
            _, body = edge.ask("GET", "/api/v1/capacity")
            return not any(priority["accepts"] for priority in json.loads(body)["priorities"])

        eventually(refuses, "admission has seen the job")
        yield queue, edge


def test_an_appliance_that_is_too_busy_to_take_the_note_is_waited_for(tmp_path, decoder, note):
    with full(tmp_path / "data", decoder, frees_s=150.0) as (queue, edge):
        done = run_trial(edge, note, "fr", __version__, 100, queue.now_s, queue.wait)

    assert done.seconds > 150


def test_an_appliance_that_is_always_too_busy_is_not_waited_for_for_ever(tmp_path, decoder, note):
    with (
        full(tmp_path / "data", decoder, frees_s=1000.0) as (queue, edge),
        pytest.raises(TargetFailed, match=r"No translation within 120 s; last: POST .*: 503 .*overloaded"),
    ):
        run_trial(edge, note, "fr", __version__, 20, queue.now_s, queue.wait)


def test_an_edge_that_does_not_answer_is_waited_for_and_then_told(note):
    moments = iter(range(1000))

    with pytest.raises(TargetFailed, match="No translation within 3 s; last: GET /api/v1/health: 503"):
        run_trial(
            Edge("http://127.0.0.1:9", "mk_x", None), note, "fr", "1", 3, lambda: float(next(moments)), no_waiting
        )


def test_without_a_key_that_is_said(tmp_path, capsys):
    assert main(["trial", "--url", "http://127.0.0.1:9", "--key-file", str(tmp_path / "key")]) == 1

    assert f"There is no key in {tmp_path / 'key'}." in capsys.readouterr().err
