"""What is S3's own: keys, buckets, ranges, a server that breaks or goes away."""

import logging
import os
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from appliance.errors import NotFound, StorageUnavailable
from appliance.storage.s3 import S3Store
from appliance.storage.s3_client import s3_client
from appliance.testing.clock import FrozenClock
from tests.relay import relay

HOUR_S = 3600.0
EVERY_CALL = {
    "put": lambda store: store.put("pcm/x", b"other"),
    "get": lambda store: store.get("pcm/x"),
    "open": lambda store: store.open("pcm/x"),
    "size": lambda store: store.size_bytes("pcm/x"),
    "delete": lambda store: store.delete("pcm/x"),
    "entries": lambda store: list(store.entries("")),
    "sweep": lambda store: store.sweep_unfinished(0),
    "writable": lambda store: store.require_writable(),
}


def test_a_bucket_that_does_not_exist_yet_is_an_empty_store(s3_store):
    store = s3_store()

    store.require_writable()
    store.delete("pcm/x")
    assert (list(store.entries("")), store.sweep_unfinished(0)) == ([], 0)
    with pytest.raises(NotFound):
        store.get("pcm/x")


def test_processes_that_write_first_at_once_make_one_bucket(s3_store):
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: s3_store().put(f"pcm/{number}", b"content"), range(8)))

    assert len(list(s3_store().entries("pcm/"))) == 8


def test_a_range_moves_about_its_own_bytes(s3_server, s3_store):
    content = os.urandom(4_000_000)
    s3_store().put("result/audio", content)
    with relay(s3_server.endpoint) as counted:
        with s3_store(endpoint=counted.endpoint).open("result/audio") as stream:
            stream.seek(3_000_000)
            assert stream.read(1024) == content[3_000_000:3_001_024]

        assert counted.answered_bytes < 4096


def test_one_connection_serves_many_requests(s3_server, s3_store):
    with relay(s3_server.endpoint) as counted:
        store = s3_store(endpoint=counted.endpoint)
        for number in range(5):
            store.put(f"pcm/{number}", bytes(300_000))
            store.get(f"pcm/{number}")
            with store.open(f"pcm/{number}") as stream:
                stream.read(1000)

        assert counted.connections == 1


def test_a_connection_that_breaks_costs_nothing_but_a_second_try(s3_server, s3_store):
    s3_store().put("pcm/x", b"content")
    with relay(s3_server.endpoint) as between:
        store = s3_store(endpoint=between.endpoint)
        between.break_next(1)
        assert store.get("pcm/x") == b"content"
        between.break_next(1)
        store.put("pcm/y", bytes(1_000_000))
        assert store.size_bytes("pcm/y") == 1_000_000

        between.break_next(2)
        with pytest.raises(StorageUnavailable):
            store.get("pcm/x")
        assert store.get("pcm/x") == b"content"


@pytest.mark.parametrize("call", EVERY_CALL)
def test_a_silent_server_is_unavailable_and_heals(s3_server, s3_store, call):
    store = s3_store(silence_s=0.3)
    s3_store().put("pcm/x", b"content")

    with s3_server.frozen(), pytest.raises(StorageUnavailable):
        EVERY_CALL[call](store)

    # Under another name: what was sent before the silence the server may still do, whenever it wakes.
    s3_store().put("pcm/afterwards", b"content")
    assert store.get("pcm/afterwards") == b"content"


def test_a_server_that_stops_is_unavailable_and_heals_with_all_it_confirmed(s3_server, s3_store):
    content = os.urandom(2_000_000)
    store = s3_store()
    store.put("pcm/x", content)
    with store.open("pcm/x") as stream:
        assert stream.read(1000) == content[:1000]
        s3_server.stop()
        try:
            for call in EVERY_CALL.values():
                with pytest.raises(StorageUnavailable):
                    call(store)
            with pytest.raises(StorageUnavailable):
                stream.read(1000)
        finally:
            s3_server.start()

        assert stream.read(1000) == content[1000:2000]
    assert store.get("pcm/x") == content
    store.require_writable()
    store.put("pcm/y", b"content")
    assert store.get("pcm/y") == b"content"


def test_an_upload_in_parts_that_nobody_finished_goes_after_an_hour(s3_server):
    client = _client(s3_server)
    clock = FrozenClock(time.time())
    store = S3Store(client, "left-in-parts", clock)
    store.put("pcm/x", b"content")
    client._create_multipart_upload("left-in-parts", "result/owner/audio.wav", {})

    clock.advance(HOUR_S - 60)
    assert store.sweep_unfinished(HOUR_S) == 0
    clock.advance(120)
    assert (store.sweep_unfinished(HOUR_S), store.sweep_unfinished(HOUR_S)) == (1, 0)
    assert [entry.name for entry in store.entries("")] == ["pcm/x"]


@pytest.mark.parametrize("call", EVERY_CALL)
@pytest.mark.parametrize("wrong", ["access_key", "secret_key"])
def test_wrong_keys_are_refused_and_told_to_nobody(s3_store, s3_server, caplog, call, wrong):
    s3_store().put("pcm/x", b"content")
    caplog.set_level(logging.DEBUG)

    with pytest.raises(StorageUnavailable) as refused:
        EVERY_CALL[call](s3_store(**{wrong: "not-the-key"}))

    told = caplog.text + "".join(str(vars(record)) for record in caplog.records)
    told += repr(refused.value) + str(refused.value) + refused.value.detail
    for secret in (s3_server.access_key, s3_server.secret_key, "not-the-key"):
        assert secret not in told
    assert s3_store().get("pcm/x") == b"content"


def test_keys_that_may_only_read_can_read(s3_store, s3_server):
    s3_store().put("pcm/x", b"content")
    reader = s3_store(access_key=s3_server.reader_key, secret_key=s3_server.reader_secret)

    assert (reader.get("pcm/x"), len(list(reader.entries("")))) == (b"content", 1)
    with pytest.raises(StorageUnavailable):
        reader.put("pcm/y", b"content")
    with pytest.raises(StorageUnavailable):
        reader.delete("pcm/x")
    assert [entry.name for entry in s3_store().entries("")] == ["pcm/x"]


SIGNATURE = "0" * 64
SIGNED = "SignedHeaders=host;x-amz-content-sha256;x-amz-date"
DAY, TIME = time.strftime("%Y%m%d", time.gmtime()), time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())


def _forged(access_key: str, payload: str) -> dict[str, str]:
    scope = f"{access_key}/{DAY}/us-east-1/s3/aws4_request"
    return {
        "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, {SIGNED}, Signature={SIGNATURE}",
        "x-amz-date": TIME,
        "x-amz-content-sha256": payload,
    }


@pytest.mark.parametrize(
    "payload", [None, "UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"]
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_the_server_of_these_tests_refuses_unsigned_and_forged_requests(s3_server, method, payload):
    """Else nothing here would show that requests are signed."""
    store = S3Store(_client(s3_server), "forgery")
    store.put("pcm/x", b"content")
    headers = _forged(s3_server.access_key, payload) if payload else {}

    for path in ("", "/pcm/x", "/pcm/new"):
        body = b"forged" if method == "PUT" else None
        response = httpx.request(method, f"http://{s3_server.endpoint}/forgery{path}", headers=headers, content=body)
        assert response.status_code == 403, (path, response.text)

    assert [(entry.name, store.get(entry.name)) for entry in store.entries("")] == [("pcm/x", b"content")]


def test_the_server_of_these_tests_refuses_a_forged_address(s3_server):
    S3Store(_client(s3_server), "forgery").put("pcm/x", b"content")
    query = {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"{s3_server.access_key}/{DAY}/us-east-1/s3/aws4_request",
        "X-Amz-Date": TIME,
        "X-Amz-Expires": "300",
        "X-Amz-SignedHeaders": "host",
        "X-Amz-Signature": SIGNATURE,
    }

    assert httpx.get(f"http://{s3_server.endpoint}/forgery/pcm/x", params=query).status_code == 403


def _client(server):
    return s3_client(server.endpoint, server.access_key, server.secret_key, secure=False, region="us-east-1")
