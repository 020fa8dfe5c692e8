"""The doctor's run without a network: what tries to reach one is named, in whatever language it was written."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.commands.child_environment import child_environment
from appliance.doctor.air_gap import run_without_network
from appliance.doctor.report import AirGap
from appliance.settings import Settings
from appliance.testing.fake_nvml import compiler
from appliance.testing.scripted_doctor import compile_dialler
from tests.services import needed

ROOT = Path(__file__).resolve().parents[2]
ENGINE = "appliance/testing/scripted_doctor.py"


@pytest.fixture
def run(tmp_path):
    environment = child_environment(Settings(data_dir=tmp_path / "data"))

    def run(what: str, library: str = "", limit_s: float = 120.0) -> AirGap:
        return run_without_network(environment, f"appliance.testing.scripted_doctor {what} {library}", limit_s)

    return run


@pytest.mark.parametrize("what", ["nothing", "unix"])
def test_a_pipeline_that_stays_on_the_machine_passes_with_every_step(run, what):
    report = run(what)

    assert (report.passed, report.attempts, report.failed) == (True, (), None)
    assert [step.name for step in report.steps] == ["transcribe", "translate", "speak", "score", "store"]
    assert "good" not in str(report), "nothing of what was said is told"


@pytest.mark.parametrize(
    ("what", "tried"),
    [
        ("python", "connect ('192.0.2.7', 443)"),
        ("name", "getaddrinfo 'models.example.org'"),
        ("datagram", "sendto ('192.0.2.7', 443)"),
    ],
)
def test_an_engine_that_tries_in_python_is_named_with_its_line(run, what, tried):
    report = run(what)

    assert not report.passed
    assert len(report.steps) == 5, "an engine that does not mind goes on, and the note is done"
    assert {attempt.by for attempt in report.attempts} == {"python"}
    assert any(tried in attempt.what for attempt in report.attempts)
    assert all(attempt.where[0].startswith(ENGINE) for attempt in report.attempts)


def test_an_engine_that_tries_natively_is_named_with_its_library(run, tmp_path):
    needed(compiler(), "a C compiler", "Debian: gcc, libc6-dev")
    report = run("native", str(compile_dialler(tmp_path)))

    (attempt,) = report.attempts
    assert not report.passed
    assert (attempt.by, attempt.where) == ("native", ("libdialler.so",))
    assert attempt.what == ("socket of AF_INET", "connect to 192.0.2.7:443")


def test_another_program_that_an_engine_starts_is_watched_too(run):
    report = run("program")

    (attempt,) = report.attempts
    assert not report.passed
    assert attempt.by == "native"
    assert "connect to 192.0.2.7:443" in attempt.what
    assert attempt.program.startswith("python")


def test_a_run_that_does_not_come_to_its_end_has_not_passed_and_tells_nothing_of_what_was_said(run):
    report = run("failing")

    assert not report.passed
    assert report.failed
    assert "somebody said" not in str(report)


def test_a_run_that_hangs_is_ended(run):
    report = run("nothing", limit_s=0.01)

    assert report.failed == "It did not come to its end within 0.01 s."


def test_the_command_says_what_it_found_and_ends_by_it(tmp_path):
    script = (
        "import sys; from appliance.commands.doctor import prove; from appliance.settings import Settings; "
        "sys.exit(prove(Settings(), sys.argv[2] == 'json', 'appliance.testing.scripted_doctor ' + sys.argv[1]))"
    )

    def said(what: str, form: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", script, what, form]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    well, badly = said("nothing", "text"), said("python", "json")
    assert (well.returncode, badly.returncode) == (0, 1)
    assert "Nothing tried to reach a network." in well.stdout
    document = json.loads(badly.stdout)
    assert document["passed"] is False
    assert document["attempts"][0]["by"] == "python"
