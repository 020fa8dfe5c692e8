"""What stands around the appliance: the edge with its cache and limits, the console's user, Prometheus."""

import contextlib
import json
import os
import pty
import re
import subprocess
import tempfile
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.install.playbook import changed_tasks
from tests.install.rich import PATIENCE_S, eventually

pytestmark = [pytest.mark.install, pytest.mark.full, pytest.mark.timeout(1800)]
PROBLEM = "application/problem+json"
JUDGED_WITHIN_S = 60.0
SSH = ("-oStrictHostKeyChecking=no", "-oUserKnownHostsFile=/dev/null", "-oLogLevel=ERROR", "-oBatchMode=yes")
UNITS = ("meeshy-edge-purge", "meeshy-prometheus", "meeshy-node-exporter", "meeshy-certificates")


@pytest.fixture(scope="module")
def audio(rich):
    """The request for a translation's audio, as its owner asks."""
    document = rich.client.ask("translate", rich.client.note, "fr")
    assert document["state"] == "done", document
    key = rich.box.run("cat", "/var/lib/meeshy/data/first_key").stdout.strip()
    return {
        "path": document["targets"][0]["audio_url"],
        "params": {"user_id": "alice"},
        "headers": {"Authorization": f"Bearer {key}"},
        "job": document["job_id"],
    }


def kept(rich) -> list[str]:
    return rich.box.run("find", "/var/cache/meeshy-edge", "-type", "f").stdout.split()


def but(request: dict, **headers: str) -> dict:
    return request | {"headers": request["headers"] | headers}


def test_audio_is_kept_in_front_and_served_from_there_whole_and_in_ranges(rich, audio):
    # talk.py has heard it before: it is there already.
    whole, again, part, same, beyond, size = rich.ask(
        audio, audio, but(audio, Range="bytes=0-99"), but(audio, **{"If-None-Match": "*"}),
        but(audio, Range="bytes=99999999-"), audio | {"method": "HEAD"},
    )  # fmt: skip

    assert (whole["status"], again["status"], again["headers"]["meeshy-edge"]) == (200, 200, "HIT")
    assert whole["sha256"] == again["sha256"] == whole["headers"]["etag"].strip('"')
    assert whole["headers"]["cache-control"] == "private, no-cache"
    assert "x-accel-expires" not in whole["headers"]
    assert (part["status"], part["bytes"], part["headers"]["meeshy-edge"]) == (206, 100, "HIT")
    assert same["status"] == 304
    assert (beyond["status"], beyond["headers"]["content-type"]) == (416, PROBLEM)
    assert (size["status"], size["headers"]["content-length"]) == (200, str(whole["bytes"]))
    assert "meeshy-edge" not in size["headers"]
    assert len(kept(rich)) == 1


def test_whoever_may_not_hear_it_gets_the_api_s_own_answer(rich, audio):
    other = but(audio, Authorization=f"Bearer {rich.key('another')}")

    nobody, stranger, elsewhere = rich.ask(
        audio | {"headers": {}}, other, audio | {"path": audio["path"].replace(audio["job"], "job_none")}
    )

    assert [each["status"] for each in (nobody, stranger, elsewhere)] == [401, 404, 404]
    assert {each["headers"]["content-type"] for each in (nobody, stranger, elsewhere)} == {PROBLEM}
    assert json.loads(stranger["text"])["code"] == "not_found"


def test_what_is_erased_is_not_served_from_then_on_and_leaves_the_disk(rich, audio):
    deletion = audio | {"method": "DELETE", "path": f"/api/v1/voice/job/{audio['job']}"}

    deleted, after = rich.ask(deletion, audio)

    assert deleted["status"] in (200, 204), deleted
    assert after["status"] == 404
    assert eventually(lambda: kept(rich) == [])


def test_one_address_that_asks_too_much_is_told_when_to_come_again(rich):
    answers = rich.ask(*[{"path": "/health/live"}] * 250)

    refused = [each for each in answers if each["status"] != 200]
    assert 0 < len(refused) < 190
    assert {each["status"] for each in refused} == {429}
    assert json.loads(refused[0]["text"])["code"] == "rate_limited"
    assert refused[0]["headers"]["retry-after"] == "1"


def test_an_upload_that_is_too_large_is_refused_in_the_api_s_words(rich, audio, tmp_path):
    (tmp_path / "large.wav").write_bytes(bytes(6 << 20))
    upload = but(audio) | {
        "method": "POST", "path": "/api/v1/voice/translate", "fields": {"user_id": "alice", "target_langs": "fr"},
        "note": str(tmp_path / "large.wav"),
    }  # fmt: skip

    (answer,) = rich.ask(upload)

    assert (answer["status"], json.loads(answer["text"])["code"]) == (413, "upload_too_large")


def test_who_comes_while_the_api_is_started_again_waits_and_is_answered(rich):
    def restarted():
        for _ in range(2):
            rich.box.run("systemctl", "restart", "meeshy-api.service")
            assert eventually(lambda: rich.ask({"path": "/health/live"})[0]["status"] == 200)

    _, counts = rich.while_asked([{"path": "/health/live"}, {"path": "/health/ready"}], restarted)

    assert set(counts) <= {"200"}, counts
    assert counts["200"] > 4  # each waits for a whole start, and there are two starts


def test_while_the_api_is_away_that_is_said_and_no_query_is_logged(rich, audio):
    rich.box.run("systemctl", "stop", "meeshy-api.service")
    away = rich.ask({"path": "/health/live"}, audio)
    rich.box.run("systemctl", "start", "meeshy-api.service")

    for each in away:
        assert (each["status"], json.loads(each["text"])["code"]) == (503, "not_ready")
        assert each["headers"]["retry-after"] == "2"
    assert eventually(lambda: rich.ask({"path": "/health/live"})[0]["status"] == 200)
    assert "user_id" not in rich.box.run("sh", "-c", "cat /var/log/nginx/*").stdout


def test_a_killed_nginx_comes_back_by_itself(rich):
    main = rich.box.run("systemctl", "show", "--property=MainPID", "--value", "nginx.service").stdout.strip()

    rich.box.run("systemctl", "kill", "--signal=KILL", "nginx.service")

    def again() -> bool:
        shown = rich.box.run("systemctl", "show", "--property=MainPID,ActiveState", "nginx.service").stdout
        return "ActiveState=active" in shown and f"MainPID={main}\n" not in shown

    assert eventually(again)
    assert rich.ask({"path": "/health/live"})[0]["status"] == 200


def ssh(rich, *words: str) -> list:
    return rich.inside("ssh", "-i", rich.ssh_key, *SSH, *words[:-1], f"meeshy-admin@{rich.box.address}", words[-1])


def over_ssh(rich, *words: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        ssh(rich, *words), check=False, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL
    )


def test_the_console_s_user_gets_one_picture_of_it(rich):
    picture, document = over_ssh(rich, "once"), over_ssh(rich, "json")

    assert picture.returncode in (0, 1), picture.stderr
    assert re.search(r"WELL|DEGRADED", picture.stdout)
    assert json.loads(document.stdout)["snapshot"]["version"]


@pytest.mark.parametrize(
    "words", ["id", "once; id", "once\nid", "once --token-file /etc/shadow", "sh -c id", "/bin/sh", "console"]
)
def test_the_console_s_user_gets_nothing_else(rich, words):
    told = over_ssh(rich, words)

    assert told.returncode == 2
    assert "uid=" not in told.stdout
    assert "say nothing for the console" in told.stderr


def test_the_console_s_user_copies_no_file_and_opens_no_way(rich, tmp_path):
    for words in (["sftp"], ["scp"]):
        source = f"meeshy-admin@{rich.box.address}:/etc/passwd"
        got = subprocess.run(
            rich.inside(*words, "-i", rich.ssh_key, *SSH, source, tmp_path / "copy"), check=False, capture_output=True,
            timeout=60, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert got.returncode != 0
    assert not (tmp_path / "copy").exists()
    through = subprocess.run(
        rich.inside("ssh", "-i", rich.ssh_key, *SSH, "-W", "127.0.0.1:8750", f"meeshy-admin@{rich.box.address}"),
        check=False, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert (through.stdout, through.stderr) == ("", "stdio forwarding failed\n")


def test_the_console_itself_opens_for_a_terminal_and_ends_with_the_session(rich):
    with somebody_at_the_console(rich) as (there, terminal):
        os.write(terminal, b"q")
        assert there.wait(PATIENCE_S) == 0

    assert rich.box.run("pgrep", "--uid=meeshy-admin", check=False).stdout == ""


@contextlib.contextmanager
def somebody_at_the_console(rich) -> Iterator[tuple[subprocess.Popen, int]]:
    """Yield a session in which the console has drawn itself, and the terminal that its keys are typed at."""
    command = rich.inside("ssh", "-tt", "-i", rich.ssh_key, *SSH, f"meeshy-admin@{rich.box.address}")
    terminal, inner = pty.openpty()
    # A new one has no lines and no columns, and ssh tells the other side so.
    termios.tcsetwinsize(inner, (24, 80))
    with tempfile.NamedTemporaryFile() as drawn:
        there = subprocess.Popen(
            command, stdin=inner, stdout=drawn, stderr=drawn, env=os.environ | {"TERM": "xterm-256color"}
        )
        try:
            os.close(inner)
            assert eventually(lambda: b"viewer" in Path(drawn.name).read_bytes()), Path(drawn.name).read_bytes()
            yield there, terminal
        finally:
            there.kill()
            there.wait()
            os.close(terminal)


def prometheus(rich, path: str) -> dict:
    program = (
        f"import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:9090/api/v1/{path}').read().decode())"
    )
    return json.loads(rich.box.run("/usr/bin/python3", "-c", program).stdout)["data"]


def test_prometheus_gathers_and_judges(rich):
    def all_told() -> bool:
        health = {each["labels"]["job"]: each["health"] for each in prometheus(rich, "targets")["activeTargets"]
                  if each["labels"].get("instance") != "127.0.0.1:9117"}  # fmt: skip
        return health.get("meeshy-api") == health.get("machine") == "up"

    assert eventually(all_told)
    workers = [each["health"] for each in prometheus(rich, "targets")["activeTargets"]
               if each["labels"]["job"] == "meeshy-worker"]  # fmt: skip
    assert workers.count("up") >= 3

    def judged() -> list[str]:
        """Return each rule's health; it is unknown until the rule was judged for the first time."""
        return [rule["health"] for group in prometheus(rich, "rules")["groups"] for rule in group["rules"]]

    assert len(judged()) > 20
    assert eventually(lambda: set(judged()) == {"ok"}, JUDGED_WITHIN_S), judged()


def test_prometheus_knows_when_certificates_end(rich):
    def ends() -> dict[str, float]:
        found = prometheus(rich, "query?query=meeshy_certificate_end_timestamp_seconds")["result"]
        return {each["metric"]["certificate"]: float(each["value"][1]) for each in found}

    assert eventually(lambda: set(ends()) == {"authority", "edge", "monitoring"}), ends()
    assert ends()["edge"] - time.time() > 390 * 86_400


def test_nothing_of_it_listens_but_on_loopback_and_everything_is_locked_in(rich):
    rows = rich.box.run("ss", "--tcp", "--listening", "--numeric", "--no-header").stdout.splitlines()
    open_ones = {row.split()[3] for row in rows if not row.split()[3].startswith("127.0.0.1:")}
    assert open_ones == {"0.0.0.0:22", "[::]:22", "0.0.0.0:443", "[::]:443"}
    for unit in UNITS:
        told = rich.box.run(
            "systemd-analyze", "security", "--no-pager", "--threshold=20", f"{unit}.service", check=False
        )
        assert told.returncode == 0, f"{unit}: {told.stdout[-400:]}"


def test_a_second_run_changes_nothing_and_what_the_inventory_drops_goes(rich):
    assert changed_tasks(rich.install()) == []
    wanted = dict(rich.options)
    for name in ("console_keys", "monitoring_host"):
        rich.options.pop(name)
    rich.write_inventory()
    try:
        with somebody_at_the_console(rich) as (there, _):
            rich.install()
            assert eventually(lambda: there.poll() is not None)
    finally:
        rich.options = wanted
        rich.write_inventory()

    assert over_ssh(rich, "once").returncode == 255
    assert rich.box.run("id", "meeshy-admin", check=False).returncode != 0
    rich.box.run("systemctl", "is-active", "ssh.service")
    left = rich.box.run("systemctl", "list-units", "--no-legend", "meeshy-prometheus*", "meeshy-node*").stdout
    assert left == ""
    rich.install()
    assert over_ssh(rich, "once").returncode in (0, 1)
