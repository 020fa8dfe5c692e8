"""The doctor on an installed machine: everything is in order, and the pipeline needs no network."""

import json

import pytest

pytestmark = [pytest.mark.install, pytest.mark.full, pytest.mark.timeout(1800)]


def test_an_installed_machine_is_in_order(box, installed):
    told = box.run("meeshy", "doctor", "--json", limit_s=120, check=False)
    findings = {each["check"]: each for each in json.loads(told.stdout)["findings"]}

    assert [each for each in findings.values() if each["state"] == "wrong"] == []
    assert told.returncode == 0
    assert findings["certificate"]["state"] == "ok"
    assert findings["models"]["state"] == "ok"


def test_the_pipeline_of_an_installed_machine_runs_without_a_network(box, installed):
    told = box.run("meeshy", "doctor", "--air-gap", "--json", limit_s=600, check=False)
    document = json.loads(told.stdout)

    assert (document["passed"], document["attempts"], document["failed"]) == (True, [], None)
    assert [step["name"] for step in document["steps"]] == ["transcribe", "translate", "speak", "score", "store"]
    assert told.returncode == 0


def test_what_is_down_is_named(box, installed):
    box.run("systemctl", "stop", "redis-server@meeshy")
    try:
        told = box.run("meeshy", "doctor", "--json", limit_s=120, check=False)
    finally:
        box.run("systemctl", "start", "redis-server@meeshy")

    assert told.returncode == 1
    wrong = {each["check"] for each in json.loads(told.stdout)["findings"] if each["state"] == "wrong"}
    assert "redis" in wrong
