"""`--once`: one picture as text or JSON; the exit code tells a script what to think of it."""

import asyncio
import json

import msgspec
import pytest
from click.testing import CliRunner

from appliance.admin import schema
from appliance.cli import main
from tests.tui import scenes
from tests.tui.scripted_source import ScriptedSource
from tui.cli import console
from tui.glyphs import ASCII
from tui.report import once
from tui.source import Outage


def well() -> schema.Snapshot:
    return scenes.snapshot(quality=schema.Quality())


def report(news, as_json=False):
    return asyncio.run(once(ScriptedSource(news), ASCII, as_json=as_json))


@pytest.mark.parametrize(
    ("news", "exit_code", "state"),
    [
        (well(), 0, "well"),
        (scenes.degraded(), 1, "degraded"),
        (Outage("offline", "No connection.", 1.0), 2, "unreachable"),
    ],
    ids=["well", "degraded", "unreachable"],
)
def test_the_exit_code_and_the_word_say_how_it_is(news, exit_code, state):
    text, document = report(news), report(news, as_json=True)

    assert text.exit_code == document.exit_code == exit_code
    assert state.upper() in text.text.splitlines()[0]
    assert json.loads(document.text)["state"] == state


def test_what_is_only_told_is_no_reason_to_fail():
    paused = scenes.lane("hear", 0, state="paused", paused_by="anna", paused_ago_s=1.0)

    assert report(scenes.snapshot(quality=schema.Quality(), lanes=(paused,))).exit_code == 0


def test_the_text_holds_findings_lanes_workers_and_latency_and_fits_its_width():
    lines = report(scenes.degraded()).text.splitlines()

    silent = lines.index("  worker gpu0-w2 silent 41s")
    assert lines[silent + 1].startswith("    See whether its process and its host are alive;")
    assert any(line.startswith("synthesize.p1") and "paused" in line for line in lines)
    assert any(line.startswith("cpu-w1") for line in lines)
    assert any(line.startswith("total") for line in lines)
    assert max(map(len, lines)) <= 100


def test_the_document_holds_the_findings_and_the_snapshot():
    document = json.loads(report(scenes.degraded(), as_json=True).text)

    assert document["findings"][0] == {
        "severity": "warn",
        "text": "hear.p0 waits 14s, 142% of SLA",
        "key": "hear.p0",
        "do": "Add workers of that stage, or raise sla_scale if this lasts.",
    }
    assert msgspec.convert(document["snapshot"], schema.Snapshot) == scenes.degraded()
    assert json.loads(report(Outage("refused", "401"), as_json=True).text) == {
        "state": "unreachable",
        "reason": "401",
        "findings": [],
        "snapshot": None,
    }


@pytest.fixture
def recording(tmp_path):
    file = tmp_path / "seen.jsonl"
    line = {"at_s": 0.0, "kind": "snapshot", "value": scenes.degraded()}
    file.write_bytes(msgspec.json.encode(line) + b"\n")
    return file


def test_the_command_line_reports_a_recording_and_records_what_it_saw(recording, tmp_path):
    copy = tmp_path / "copy.jsonl"
    result = CliRunner().invoke(console, ["--demo", str(recording), "--once", "--ascii", "--record", str(copy)])

    assert result.exit_code == 1
    assert result.output.startswith("! DEGRADED  seen.jsonl")
    assert json.loads(copy.read_text())["kind"] == "snapshot"
    again = CliRunner().invoke(console, ["--demo", str(recording), "--once", "--record", str(copy)])
    assert again.exit_code == 1
    assert "copy.jsonl: File exists." in again.output


KEY = ["--token-file", "RECORDING"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "Give --url and --token-file, or --demo."),
        (["--url", "http://127.0.0.1:1"], "Give --url and --token-file, or --demo."),
        (["--json"], "--json needs --once."),
        (["--interval", "0.1"], "0.1"),
        (["--url", "box.lan", *KEY], "has to begin with https:// or http://"),
        (["--url", "http://[x", *KEY], "http://[x is no address"),
        (["--url", "http://box.lan:99999", *KEY], "http://box.lan:99999 is no address"),
        (["--url", "http://box..lan", *KEY], "http://box..lan is no address"),
        (["--url", "http://box.lan:x", *KEY], "http://box.lan:x is no address"),
        (["--url", "https://box.lan", *KEY, "--ca", "RECORDING"], "holds no certificates to trust"),
        (["--demo", "RECORDING"], "needs a terminal"),
        (["--demo", "RECORDING", "--once", "--record", "/nowhere/at/all"], "/nowhere/at/all"),
    ],
)
def test_a_wrong_command_line_says_what_is_wrong(arguments, sentence, recording):
    given = [str(recording) if word == "RECORDING" else word for word in arguments]
    result = CliRunner().invoke(console, given)

    assert result.exit_code in (1, 2)
    assert sentence in result.output


def test_an_appliance_that_is_not_there_is_unreachable_and_not_a_traceback(tmp_path):
    key = tmp_path / "key"
    key.write_text("k")
    result = CliRunner().invoke(console, ["--url", "http://127.0.0.1:1", "--token-file", str(key), "--once", "--ascii"])

    assert result.exit_code == 2
    assert result.output.startswith("x UNREACHABLE  No connection")


def test_the_appliances_own_command_asks_the_appliance_of_its_data_folder_with_its_own_key(tmp_path, monkeypatch):
    monkeypatch.setenv("MEESHY_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("MEESHY_PORT", "1")
    without_key = CliRunner().invoke(main, ["console", "--once"])
    (tmp_path / "first_key").write_text("k\n")
    without_server = CliRunner().invoke(main, ["console", "--once"])
    elsewhere = CliRunner().invoke(main, ["console", "--once", "--url", "http://127.0.0.1:1"])

    assert (without_key.exit_code, without_server.exit_code, elsewhere.exit_code) == (2, 2, 2)
    assert "holds no first_key" in without_key.output
    assert "No connection" in without_server.output
    assert "Give --url and --token-file" in elsewhere.output


def test_a_file_that_is_no_recording_is_refused(tmp_path):
    file = tmp_path / "x"
    file.write_text("hello\n")
    result = CliRunner().invoke(console, ["--demo", str(file), "--once"])

    assert result.exit_code == 1
    assert "line 1 is none of a recording" in result.output
