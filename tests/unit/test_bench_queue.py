"""The queue rows' own arithmetic, and what is said where they cannot run."""

import os
import time

import pytest
from click.testing import CliRunner

from appliance.bench.queue import lab
from appliance.bench.queue.intake import Job, Outcome
from appliance.bench.queue.process import cpu_s
from appliance.bench.rows.urgent_behind_backlog import Drained
from appliance.cli import main
from appliance.errors import CommandFailed


def outcome(asked_s: float, finished_s: float, *, right: bool = True) -> Outcome:
    return Outcome(Job("job_1", "hello", asked_s, asked_s), finished_s, right)


def test_the_oldest_of_a_backlog_is_the_one_that_waited_longest():
    drained = Drained([outcome(0.0, 3.0), outcome(1.0, 5.0), outcome(2.0, 5.5)], lasted_s=5.5)
    assert drained.oldest_s == 4.0


@pytest.mark.parametrize(
    ("patient", "urgent", "right"), [(True, True, True), (False, True, False), (True, False, False), (True, None, True)]
)
def test_a_backlog_is_right_when_the_urgent_job_is_too(patient: bool, urgent: bool | None, right: bool):
    hurried = None if urgent is None else outcome(0.0, 1.0, right=urgent)
    assert Drained([outcome(0.0, 1.0), outcome(0.0, 2.0, right=patient)], 2.0, hurried).right is right


def test_the_processor_time_of_a_process_grows_with_its_work():
    before_s = cpu_s(os.getpid())
    until_s = time.process_time() + 0.2
    while time.process_time() < until_s:
        pass
    assert cpu_s(os.getpid()) - before_s >= 0.15


@pytest.mark.parametrize(
    ("missing", "sentence"), [("postgres_programs", "PostgreSQL's server"), ("redis_program", "Redis's server")]
)
def test_a_server_that_is_not_installed_is_named_in_one_sentence(missing: str, sentence: str, monkeypatch):
    monkeypatch.setattr(lab, "postgres_programs", lambda: "/usr/lib/postgresql/15/bin")
    monkeypatch.setattr(lab, "redis_program", lambda: "/usr/bin/redis-server")
    monkeypatch.setattr(lab, missing, lambda: None)

    with pytest.raises(CommandFailed, match=f"{sentence} is not installed"), lab.opened_servers():
        pass


def test_a_row_of_the_other_kind_is_refused_with_the_rows_there_are():
    refused = CliRunner().invoke(main, ["bench", "queue", "--only", "burst"])
    assert refused.exit_code == 1
    assert "`bench queue` has no row burst; it has: idle_pick_up" in refused.output
