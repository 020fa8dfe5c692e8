"""The DeepL client over real HTTP against the local server that speaks DeepL's protocol, and the server itself."""

import json
from dataclasses import asdict

import httpx
import pytest

from appliance.engines.deepl import DeepL
from appliance.engines.protocols import TranslateRequest, Translation
from appliance.errors import ExternalServiceFailed
from appliance.testing.deepl_server import DeepLServer, Scripted

SECRET = "the secret text"
HELLO = TranslateRequest(("Hello.", SECRET), "en", "fr")


@pytest.fixture
def server():
    with DeepLServer() as running:
        yield running


@pytest.fixture
def audited():
    return []


@pytest.fixture
def waits():
    return []


@pytest.fixture
def client(server, audited, waits):
    with DeepL(server.key, url=server.url, audit=audited.append, sleep=waits.append, timeout_s=5.0) as made:
        yield made


def test_a_message_is_translated_and_the_request_is_the_documented_one(server, client):
    [result] = client.translate([HELLO])
    assert result.text == f"[FR] Hello. [FR] {SECRET}"
    [request] = server.received
    assert request.path == "/v2/translate"
    assert request.headers["authorization"] == f"DeepL-Auth-Key {server.key}"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["user-agent"] == "meeshy-appliance"
    assert request.document == {"text": ["Hello.", SECRET], "source_lang": "EN", "target_lang": "FR"}


def test_every_call_is_audited_with_its_size_and_never_with_its_text(server, client, audited):
    server.script([429])
    client.translate([HELLO])
    assert [(c.source, c.target, c.texts, c.characters, c.status, c.attempt) for c in audited] == [
        ("EN", "FR", 2, 6 + len(SECRET), 429, 1),
        ("EN", "FR", 2, 6 + len(SECRET), 200, 2),
    ]
    assert all(call.duration_ms > 0 for call in audited)
    assert SECRET not in json.dumps([asdict(call) for call in audited])


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 529])
def test_a_passing_failure_is_retried_after_a_wait(server, client, waits, status):
    server.script([status, status])
    assert isinstance(client.translate([HELLO])[0], Translation)
    assert len(waits) == 2
    assert 0 < waits[0] < waits[1]


def test_a_service_that_stays_busy_is_given_up_after_the_allowed_attempts(server, client, audited):
    server.script([429] * 10)
    [result] = client.translate([HELLO])
    assert isinstance(result, ExternalServiceFailed)
    assert result.extra["reason"] == "busy"
    assert len(audited) == 4


@pytest.mark.parametrize(("status", "reason"), [(456, "quota"), (400, "refused"), (404, "refused"), (413, "refused")])
def test_a_refusal_is_not_retried(server, client, audited, waits, status, reason):
    server.script([status])
    [result] = client.translate([HELLO])
    assert isinstance(result, ExternalServiceFailed)
    assert (result.extra["reason"], len(audited), waits) == (reason, 1, [])


def test_an_exhausted_quota_is_told_by_the_server_that_counts_characters(audited):
    with DeepLServer(quota_characters=10) as server, DeepL(server.key, url=server.url, audit=audited.append) as client:
        first = client.translate([TranslateRequest(("12345678",), "en", "fr")])[0]
        second = client.translate([TranslateRequest(("12345678",), "en", "fr")])[0]
    assert isinstance(first, Translation)
    assert second.extra["reason"] == "quota"
    assert audited[-1].status == 456


def test_a_wrong_key_is_refused_and_stands_in_no_error(server, audited):
    with DeepL("wrong-key", url=server.url, audit=audited.append) as client:
        [result] = client.translate([HELLO])
    assert "key" in result.detail
    assert "wrong-key" not in repr(result) + str(result.extra)
    assert audited[0].status == 403


def test_a_server_that_never_answers_ends_in_time_outs(server, audited, waits):
    server.script([Scripted(instead="hang")] * 2)
    with DeepL(
        server.key, url=server.url, audit=audited.append, sleep=waits.append, timeout_s=0.05, attempts=2
    ) as client:
        [result] = client.translate([HELLO])
    assert result.extra["reason"] == "unreachable"
    assert [call.status for call in audited] == [None, None]
    assert SECRET not in str(result) + repr(result.__cause__) + repr(result.__context__)


def test_a_broken_connection_is_retried(server, client):
    server.script([Scripted(instead="drop")])
    assert isinstance(client.translate([HELLO])[0], Translation)


def test_a_closed_port_is_an_error_and_not_a_crash(audited):
    with DeepLServer() as gone:
        url = gone.url
    with DeepL("key", url=url, audit=audited.append, sleep=lambda wait_s: None) as client:
        [result] = client.translate([HELLO])
    assert result.extra["reason"] == "unreachable"


@pytest.mark.parametrize(
    "body",
    [b"<html>", b"[]", b"{}", b'{"translations": []}', b'{"translations": [{"text": 1}, {"text": 2}]}', b"\xff\xfe"],
)
def test_an_answer_that_makes_no_sense_is_an_error(server, client, body):
    server.script([Scripted(200, body)])
    [result] = client.translate([HELLO])
    assert isinstance(result, ExternalServiceFailed)
    assert result.extra["reason"] == "answer"


def test_a_redirect_is_not_followed(server, client):
    server.script([Scripted(302, headers={"Location": "http://127.0.0.1:9/elsewhere"})])
    [result] = client.translate([HELLO])
    assert result.extra["reason"] == "refused"
    assert len(server.received) == 1


def test_a_failed_request_does_not_fail_the_other_pair(server, client):
    server.script([456])
    failed, fine = client.translate([HELLO, TranslateRequest(("Hi.",), "en", "de")])
    assert isinstance(failed, ExternalServiceFailed)
    assert fine.text == "[DE] Hi."


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"target_lang": "XX"}, 400),
        ({"source_lang": "EN-US"}, 400),
        ({"text": []}, 400),
        ({"text": ["x"] * 51}, 400),
        ({"text": ["x" * 140_000]}, 413),
        ({}, 200),
    ],
)
def test_the_server_refuses_what_deepl_refuses(server, change, status):
    document = {"text": ["hi"], "target_lang": "FR", **change}
    headers = {"Authorization": f"DeepL-Auth-Key {server.key}"}
    with httpx.Client(trust_env=False) as client:
        assert client.post(f"{server.url}/v2/translate", json=document, headers=headers).status_code == status


def test_the_server_refuses_other_paths_and_other_bodies(server):
    headers = {"Authorization": f"DeepL-Auth-Key {server.key}", "Content-Type": "application/json"}
    with httpx.Client(trust_env=False) as client:
        assert client.post(f"{server.url}/v1/translate", json={}, headers=headers).status_code == 404
        assert client.post(f"{server.url}/v2/translate", content=b"text=hi", headers=headers).status_code == 400
        assert client.post(f"{server.url}/v2/translate", json={}).status_code == 403
