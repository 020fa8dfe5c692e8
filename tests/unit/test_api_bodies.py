import base64
import json

import pytest

from appliance.api.bodies import TARGETS_MAX, Shape
from appliance.api.identify import named_in_header
from appliance.api.room import Room
from appliance.errors import AudioMissing, InvalidRequest, MeeshyError, Overloaded, UnknownLanguage

AUDIO = base64.b64encode(b"RIFF").decode()


def _json(**fields: object) -> bytes:
    return json.dumps({"audio": AUDIO, "target_lang": "fr", **fields}).encode()


def test_json_gives_wishes_and_the_recording() -> None:
    wishes, audio = Shape.sync().from_json(_json(user_id="alice", consent=True, format="mp3"))

    request = wishes.request()
    assert audio == b"RIFF"
    assert request.targets == ("fr",)
    assert request.audio_format == "mp3"
    assert request.voice_in_force("fr") == "speaker"


def test_a_form_says_the_same_in_text() -> None:
    wishes = Shape.sync().from_form(
        {"target_lang": ["fr"], "consent": ["TRUE"], "allow_deepl": ["0"], "user_id": ["a"]}
    )

    assert wishes.consent is True
    assert wishes.allow_deepl is False


def test_targets_may_be_repeated_or_separated_and_are_taken_once() -> None:
    wishes = Shape.sync().from_form({"target_langs": ["fr, es", "fr-CA", "EN_us"]})

    assert wishes.request().targets == ("fr", "es", "en")


def test_a_repeated_single_target_means_several() -> None:
    wishes = Shape.sync().from_form({"target_lang": ["fr", "es"]})

    assert wishes.request().targets == ("fr", "es")


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"target_lang": ["fr"], "consent": ["maybe"]},
        {"target_lang": ["fr"], "voice": ["mine"]},
        {"target_lang": ["fr"], "format": ["flac"]},
        {"target_lang": ["fr"], "user_id": ["a", "b"]},
        {"target_lang": ["fr"], "user_id": ["a\x00b"]},
        {"target_lang": ["fr"], "surprise": ["x"]},
        {"target_lang": ["fr"], "webhook_url": ["https://a.example/"]},
        {"target_langs": ["fr"] * (TARGETS_MAX + 1)},
        {"target_lang": [""]},
    ],
)
def test_a_form_that_does_not_fit_is_refused(fields: dict[str, list[str]]) -> None:
    with pytest.raises(InvalidRequest):
        Shape.sync().from_form(fields).request()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"audio": 1}',
        _json(audio="not base64!"),
        _json(audio="QQ="),
        _json(surprise=1),
        _json(target_lang=None),
        _json(target_langs=[]),
        _json(consent="yes"),
        _json(user_id=""),
        b'{"audio": "QQ==", "target_lang": "\xff\xfe"}',
        b'{"audio": "QQ==", "target_lang": "\\ud800"}',
        b"[" * 100_000,
    ],
)
def test_json_that_does_not_fit_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        Shape.sync().from_json(body)[0].request()


def test_json_without_audio_says_so() -> None:
    with pytest.raises(AudioMissing):
        Shape.sync().from_json(b'{"target_lang": "fr"}')


@pytest.mark.parametrize("tag", ["xx", "klingon", "fr fr", "--", "f\x00"])
def test_a_wrong_language_is_refused(tag: str) -> None:
    with pytest.raises(UnknownLanguage):
        Shape.sync().from_json(_json(target_lang=tag))[0].request()


def test_only_the_async_route_knows_webhooks() -> None:
    wishes, _ = Shape.announced().from_json(_json(webhook_url="https://a.example/"))

    assert wishes.webhook_url == "https://a.example/"
    with pytest.raises(InvalidRequest):
        Shape.sync().from_json(_json(webhook_url="https://a.example/"))


def test_uploads_together_may_hold_only_so_much() -> None:
    room = Room(100)
    with room.held() as first:
        first.grow(60)
        with room.held() as second, pytest.raises(Overloaded) as refusal:
            second.grow(60)
        assert isinstance(refusal.value, MeeshyError)
        assert refusal.value.retry_after_s
    assert room.free_bytes == 100


def test_a_user_header_is_read_as_utf8() -> None:
    assert named_in_header("zo\xc3\xab") == "zoë"
    assert named_in_header(None) is None
    with pytest.raises(InvalidRequest):
        named_in_header("\xff\xfe")
