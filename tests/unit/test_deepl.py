"""The DeepL client: codes, batching, waits and what the audit is told, against answers made up in memory."""

import json

import httpx
import pytest

from appliance.engines.deepl import FIRST_WAIT_S, LONGEST_WAIT_S, DeepL
from appliance.engines.deepl_languages import LANGUAGES, source_code, target_code
from appliance.engines.protocols import TranslateRequest
from appliance.errors import InvalidRequest, NoRoute
from appliance.languages import NAMES


@pytest.mark.parametrize(
    ("tag", "source", "target"),
    [
        ("en", "EN", "EN-US"), ("en-GB", "EN", "EN-GB"), ("pt", "PT", "PT-PT"), ("pt-BR", "PT", "PT-BR"),
        ("fr", "FR", "FR"), ("fr-CA", "FR", "FR"), ("no", "NB", "NB"), ("zh", "ZH", "ZH-HANS"),
        ("zh-Hant", "ZH", "ZH-HANT"),
    ],
)  # fmt: skip
def test_bcp47_tags_become_deepls_codes(tag, source, target):
    assert (source_code(tag), target_code(tag)) == (source, target)


@pytest.mark.parametrize("code", [source_code, target_code])
def test_a_language_deepl_does_not_have_is_refused(code):
    with pytest.raises(NoRoute):
        code("mi")


def test_every_deepl_language_is_one_the_appliance_knows():
    assert NAMES.keys() >= LANGUAGES


def test_a_client_without_a_key_cannot_be_made():
    with pytest.raises(InvalidRequest):
        DeepL("", url="http://127.0.0.1", audit=lambda call: None)


@pytest.fixture
def answered(monkeypatch):
    """Make clients whose transport answers with a function, keeping every body sent."""
    sent = []

    def make(answer, **options):
        def handle(request):
            sent.append(json.loads(request.content))
            return answer(sent[-1])

        real_client = httpx.Client
        monkeypatch.setattr(
            "appliance.engines.deepl.httpx.Client",
            lambda **given: real_client(
                transport=httpx.MockTransport(handle), base_url=given["base_url"], headers=given["headers"]
            ),
        )
        return DeepL("key", url="http://deepl.invalid", audit=options.pop("audit", lambda call: None), **options), sent

    return make


def echo(body):
    return httpx.Response(200, json={"translations": [{"text": text.upper()} for text in body["text"]]})


def test_texts_of_a_pair_share_requests_of_at_most_fifty(answered):
    client, sent = answered(echo)
    batch = [TranslateRequest((f"a{n}", f"b{n}"), "en", "fr") for n in range(40)]
    results = client.translate([*batch, TranslateRequest(("c",), "en", "de")])
    assert [r.text for r in results] == [*(f"A{n} B{n}" for n in range(40)), "C"]
    assert [(len(body["text"]), body["target_lang"]) for body in sent] == [(50, "FR"), (30, "FR"), (1, "DE")]


def test_a_request_body_stays_below_deepls_limit(answered):
    client, sent = answered(echo)
    [result] = client.translate([TranslateRequest(("é" * 20_000,) * 8, "fr", "en")])
    assert len(result.segments) == 8
    assert all(len(json.dumps(body, ensure_ascii=False).encode()) <= 128 * 1024 for body in sent)
    assert [len(body["text"]) for body in sent] == [3, 3, 2]


def test_a_segment_too_large_for_any_request_fails_alone_and_nothing_of_it_is_sent(answered):
    client, sent = answered(echo)
    results = client.translate(
        [TranslateRequest(("small", "x" * 200_000), "en", "fr"), TranslateRequest(("other",), "en", "fr")]
    )
    assert isinstance(results[0], InvalidRequest)
    assert results[1].text == "OTHER"
    assert [body["text"] for body in sent] == [["other"]]


def test_empty_segments_are_kept_and_not_sent(answered):
    client, sent = answered(echo)
    [result] = client.translate([TranslateRequest(("", "hi", "  "), "en", "fr")])
    assert [segment.text for segment in result.segments] == ["", "HI", "  "]
    assert sent[0]["text"] == ["hi"]


def test_waits_double_with_half_of_them_random_and_end_at_the_limit(answered):
    waits = []
    for jitter in (0.0, 1.0):
        client, _ = answered(
            lambda body: httpx.Response(503), attempts=8, sleep=waits.append, jitter=lambda value=jitter: value
        )
        client.translate([TranslateRequest(("hi",), "en", "fr")])
    low, high = waits[:7], waits[7:]
    assert high == [min(LONGEST_WAIT_S, FIRST_WAIT_S * 2**n) for n in range(7)]
    assert low == [min(LONGEST_WAIT_S, FIRST_WAIT_S * 2**n / 2) for n in range(7)]


def test_the_server_may_ask_for_a_longer_wait(answered):
    waits = []
    client, _ = answered(lambda body: httpx.Response(429, headers={"Retry-After": "7"}), attempts=2, sleep=waits.append)
    client.translate([TranslateRequest(("hi",), "en", "fr")])
    assert waits == [7.0]


def test_a_language_deepl_does_not_have_fails_alone(answered):
    client, sent = answered(echo)
    results = client.translate([TranslateRequest(("hi",), "en", "mi"), TranslateRequest(("hi",), "en", "fr")])
    assert isinstance(results[0], NoRoute)
    assert results[1].text == "HI"
    assert len(sent) == 1


def test_the_result_names_deepl_as_its_engine(answered):
    client, _ = answered(echo)
    [result] = client.translate([TranslateRequest(("hi",), "en", "pt")])
    assert (result.route, result.engines[0].engine, result.quality) == ("deepl:en>pt", "deepl", "standard")
    assert result.engines == client.identity("en", "pt")
    assert result.segments[0].score is None


def test_an_audit_that_fails_is_not_hushed_up(answered):
    def broken(call):
        raise RuntimeError("no audit, no call")

    client, _ = answered(echo, audit=broken)
    with pytest.raises(RuntimeError, match="no audit"):
        client.translate([TranslateRequest(("hi",), "en", "fr")])
