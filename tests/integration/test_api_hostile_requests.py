"""Whatever is sent, the answer is a 4xx problem document with a code; never a 500, never a hang."""

import json
from collections.abc import Iterator

import pytest

from appliance.api.problems import PROBLEM_TYPE
from appliance.audio.decoder import DecoderPool
from tests.integration.api_house import TRANSLATE, House, open_house, recording

MAX_UPLOAD_BYTES = 200_000


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with DecoderPool() as decoder:
        folder = tmp_path_factory.mktemp("house")
        with open_house(folder, decoder, max_upload_bytes=MAX_UPLOAD_BYTES) as house:
            yield house


def _refused(response, status: int, code: str) -> dict:
    problem = response.json()
    assert (response.status_code, problem["code"]) == (status, code), problem
    assert response.headers["content-type"] == PROBLEM_TYPE
    assert {"type", "title", "status", "detail", "code", "instance"} <= problem.keys()
    return problem


def _post(house: House, content: bytes, content_type: str | None, **headers: str):
    kind = {"content-type": content_type} if content_type is not None else {}
    return house.client.post(TRANSLATE, headers=house.headers() | kind | headers, content=content)


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/plain",
        "application/xml",
        "audio/wav",
        "application/x-www-form-urlencoded",
        "multipart/mixed",
        ";;;",
        "x",
    ],
)
def test_another_content_type_is_refused(house: House, content_type: str | None) -> None:
    _refused(_post(house, b"{}", content_type), 415, "content_type_refused")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe\x00",
        b"{",
        b'"text"',
        b"[" * 50_000,
        b'{"audio": "%%%", "target_lang": "fr"}',
        b'{"audio": "QUJD", "target_lang": "fr", "extra": 1}',
        b'{"audio": "QUJD", "target_lang": {"$gt": ""}}',
        b'{"audio": "QUJD", "target_lang": "fr", "user_id": "a\\u0000"}',
        b'{"audio": "QUJD", "target_lang": "fr", "consent": 1}',
        b'{"audio": "QUJD"}',
    ],
)
def test_json_that_does_not_fit_is_refused(house: House, body: bytes) -> None:
    _refused(_post(house, body, "application/json"), 400, "invalid_request")


def test_json_without_audio_is_refused(house: House) -> None:
    _refused(_post(house, b'{"target_lang": "fr"}', "application/json"), 422, "audio_missing")


@pytest.mark.parametrize("audio", ["", "QUJDRA=="])
def test_json_with_audio_that_is_none_is_refused(house: House, audio: str) -> None:
    body = json.dumps({"audio": audio, "target_lang": "fr"}).encode()
    response = _post(house, body, "application/json")

    assert response.status_code in (415, 422)
    assert response.json()["code"] in ("audio_empty", "audio_unreadable", "audio_format_refused")


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"--x--"),
        ("multipart/form-data; boundary=", b"--x--"),
        ("multipart/form-data; boundary=" + "b" * 100, b"--x--"),
        ("multipart/form-data; boundary=x", b""),
        ("multipart/form-data; boundary=x", b"not multipart at all"),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="audio"\r\n\r\nABC'),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data\r\n\r\nABC\r\n--x--\r\n"),
        ("multipart/form-data; boundary=x", b"--x\r\nNo header\r\n\r\nABC\r\n--x--\r\n"),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="\xff"\r\n\r\n\xff\r\n--x--\r\n',
        ),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="user_id"\r\n\r\n\xff\r\n'
            b'--x\r\nContent-Disposition: form-data; name="audio"; filename="a"\r\n\r\nABC\r\n--x--\r\n',
        ),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="user_id"\r\n\r\n' + b"a" * 10_000 + b"\r\n--x--\r\n",
        ),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="f"\r\n\r\n1\r\n' * 60 + b"--x--\r\n",
        ),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="audio"; filename="a"\r\n\r\nABC\r\n' * 2 + b"--x--\r\n",
        ),
    ],
)
def test_a_broken_form_is_refused(house: House, content_type: str, body: bytes) -> None:
    response = _post(house, body, content_type)

    assert response.status_code in (400, 422), response.text
    assert response.json()["code"] in ("invalid_request", "audio_missing")


def test_a_form_without_a_file_is_refused(house: House) -> None:
    response = house.client.post(TRANSLATE, headers=house.headers(), files={"other": b"x"}, data={"target_lang": "fr"})

    _refused(response, 422, "audio_missing")


@pytest.mark.parametrize("content", [b"just text, renamed", b"#EXTM3U\nfile:///etc/passwd\n", b"\x00" * 5000])
def test_a_file_that_is_no_recording_is_refused(house: House, content: bytes) -> None:
    response = house.client.post(
        TRANSLATE, headers=house.headers(), files={"audio": ("a.wav", content)}, data={"target_lang": "fr"}
    )

    assert response.status_code in (415, 422)


def test_a_body_announced_as_too_large_is_refused_before_it_is_read(house: House) -> None:
    read: list[int] = []

    def body() -> Iterator[bytes]:
        read.append(1)
        yield b"x"

    headers = house.headers() | {"content-type": "application/json", "content-length": str(10**9)}
    _refused(house.client.post(TRANSLATE, headers=headers, content=body()), 413, "upload_too_large")


@pytest.mark.parametrize("content_type", ["application/json", "multipart/form-data; boundary=x"])
def test_a_body_that_grows_too_large_is_refused_on_the_way(house: House, content_type: str) -> None:
    head = b'--x\r\nContent-Disposition: form-data; name="audio"; filename="a"\r\n\r\n'

    def body() -> Iterator[bytes]:
        yield head
        for _ in range(50):
            yield b"a" * 10_000

    response = house.client.post(TRANSLATE, headers=house.headers() | {"content-type": content_type}, content=body())

    _refused(response, 413, "upload_too_large")
    assert house.parts.room.free_bytes > 0


def test_room_taken_by_refused_uploads_is_free_again(house: House) -> None:
    before = house.parts.room.free_bytes
    _post(house, b"a" * 150_000, "application/json")
    _post(house, b"a" * 250_000, "application/json")

    assert house.parts.room.free_bytes == before


@pytest.mark.parametrize("key", ["", "x" * 129, "tab\there", "ümlaut"])
def test_a_strange_idempotency_key_is_refused(house: House, key: str) -> None:
    response = house.send("hello", "fr", headers={"idempotency-key": key.encode()})

    _refused(response, 400, "invalid_request")


@pytest.mark.parametrize("user", [b"a\tb", b"x" * 129])
def test_a_strange_user_header_is_refused(house: House, user: bytes) -> None:
    headers = house.headers(None) | {"x-meeshy-user": user}

    _refused(house.client.get("/api/v1/voice/job/job_1", headers=headers), 400, "invalid_request")


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/voice/job/%00",
        "/api/v1/voice/job/%ff%fe",
        "/api/v1/voice/job/..%2f..%2fetc%2fpasswd",
        "/api/v1/voice/job/" + "x" * 5000,
        "/api/v1/voice/job/'; DROP TABLE jobs;--",
        "/api/v1/voice/job/job_1/audio/%00",
        "/api/v1/voice/job/job_1/audio/..",
        "/api/v1/voice/job/job_1/subtitles/%00.srt",
        "/api/v1/voice/job/job_1?user_id=%ff%00",
        "/api/v1/voice/job/job_1?user_id=a&user_id=b",
        "/%00",
        "/api/v1/voice/job//audio/fr",
    ],
)
def test_a_strange_path_is_not_found_or_refused(house: House, path: str) -> None:
    response = house.client.get(path, headers=house.headers())

    assert 400 <= response.status_code < 500, response.text
    assert response.json()["code"]


@pytest.mark.parametrize("job_id", ["%00", "a%00b", "%c3%a9", "a%20b"])
def test_an_id_that_a_database_could_choke_on_never_reaches_it(house: House, job_id: str) -> None:
    for path in ("", "/events", "/audio/fr", "/subtitles/fr.srt"):
        response = house.client.get(f"/api/v1/voice/job/{job_id}{path}", headers=house.headers())
        _refused(response, 400, "invalid_request")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "GET"])
def test_another_method_is_refused_with_those_that_are_answered(house: House, method: str) -> None:
    response = house.client.request(method, TRANSLATE, headers=house.headers())

    _refused(response, 405, "method_not_allowed")
    assert "POST" in response.headers["allow"]


def test_a_webhook_to_a_place_that_is_not_listed_is_refused(house: House) -> None:
    response = house.send("hello", "fr", path=f"{TRANSLATE}/async", webhook_url="http://169.254.169.254/")

    _refused(response, 422, "destination_refused")


def test_a_wrong_language_is_refused_before_anything_is_decoded(house: House) -> None:
    response = house.client.post(
        TRANSLATE, headers=house.headers(), files={"audio": ("a.wav", b"nothing")}, data={"target_lang": "klingon"}
    )

    _refused(response, 422, "unknown_language")


def test_damaged_audio_is_translated_and_the_answer_says_what_is_missing(house: House) -> None:
    whole = recording("a message whose end was lost")
    response = house.client.post(
        TRANSLATE,
        headers=house.headers(),
        files={"audio": ("a.wav", whole[: len(whole) * 7 // 10])},
        data={"target_lang": "fr"},
    )

    answer = response.json()
    assert response.status_code == 200, answer
    assert answer["state"] == "done"
    assert answer["partial_input"] is True
    assert answer["missing"][0]["end_s"] == 1.0


def test_silence_is_answered_as_no_speech(house: House) -> None:
    quiet = recording("x")[:44] + b"\x00" * 32_000
    response = house.client.post(
        TRANSLATE, headers=house.headers(), files={"audio": ("a.wav", quiet)}, data={"target_lang": "fr"}
    )

    _refused(response, 422, "no_speech")


def test_what_nobody_foresaw_is_a_bare_500_and_the_log_quotes_nothing(house: House, caplog) -> None:
    def fail(_path: object) -> None:
        raise RuntimeError("what alice said")

    parts = house.parts
    decoder, house_decoder = type("Broken", (), {"decode": staticmethod(fail)})(), parts.decoder
    object.__setattr__(parts, "decoder", decoder)
    try:
        response = house.send("never heard before", "fr")
    finally:
        object.__setattr__(parts, "decoder", house_decoder)

    _refused(response, 500, "internal")
    assert "alice" not in response.text
    assert "what alice said" not in caplog.text
    assert any(record.message == "unexpected" for record in caplog.records)
