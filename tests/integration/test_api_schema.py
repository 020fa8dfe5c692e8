"""The OpenAPI document is what the API does: schemathesis sends what it allows and what it does not."""

import base64
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from appliance.admin.schema import ActionAnswer, AuditPage, DeadLettersPage, History, Me, MetricsReport
from appliance.api.app import ROUTES, create_app
from appliance.api.learning_wire import FeedbackIn, FeedbackOut, HistoryOut, StatsOut
from appliance.audio.decoder import DecoderPool
from tests.integration.api_house import House, open_house, recording

CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("house")
    with DecoderPool() as decoder, open_house(folder, decoder, sla_s=0.05, requests_per_minute=0) as house:
        house.registry.proven()
        yield house


@pytest.fixture(scope="module")
def api_schema(house: House) -> Any:
    return schemathesis.openapi.from_asgi("/schema/openapi.json", create_app(house.parts))


OPERATIONS = [handler.operation_id for handler in ROUTES if handler.resolve_include_in_schema()]


_WITHOUT_INPUT = {
    "getLanguages", "live", "ready", "health", "getMetrics", "getCapacity", "getMe", "getSnapshot", "getQueue",
    "followConsole",
}  # fmt: skip
ASKED = [(operation_id, GenerationMode.POSITIVE) for operation_id in OPERATIONS] + [
    (operation_id, GenerationMode.NEGATIVE) for operation_id in OPERATIONS if operation_id not in _WITHOUT_INPUT
]


@pytest.mark.parametrize(("operation_id", "mode"), ASKED)
def test_every_answer_is_one_that_the_document_allows(
    house: House, api_schema: Any, operation_id: str, mode: GenerationMode
) -> None:
    """Not by schemathesis' own pytest plugin: it uses internals that pytest 9 no longer has."""
    operation = api_schema.find_operation_by_id(operation_id)
    house.registry.seen()

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(max_examples=10, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    def answers_as_documented(case: schemathesis.Case) -> None:
        case.call_and_validate(checks=CHECKS, headers=house.headers("alice"))

    answers_as_documented()


OF_OPERATORS = [
    handler.operation_id
    for handler in ROUTES
    if handler.tags == ["operators"] and handler.operation_id != "followConsole"
]


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize("operation_id", OF_OPERATORS)
def test_every_answer_to_an_operator_is_one_that_the_document_allows(
    house: House, api_schema: Any, operation_id: str, mode: GenerationMode
) -> None:
    if mode is GenerationMode.NEGATIVE and operation_id in _WITHOUT_INPUT:
        return
    operation, key = api_schema.find_operation_by_id(operation_id), house.another_key("anna", "operator")

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(max_examples=5, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    def answers_as_documented(case: schemathesis.Case) -> None:
        case.call_and_validate(checks=CHECKS, headers=house.headers(None, key=key))

    answers_as_documented()


REAL = [
    ("getJob", {}, {}),
    ("followJob", {}, {}),
    ("getAudio", {"language": "fr"}, {}),
    ("getAudio", {"language": "fr"}, {"Range": "bytes=0-9"}),
    ("getAudio", {"language": "fr"}, {"Range": "bytes=9999999-"}),
    ("headAudio", {"language": "fr"}, {}),
    ("getSubtitles", {"file": "fr.srt"}, {}),
    ("getSubtitles", {"file": "en.vtt"}, {}),
    ("endJob", {}, {}),
]


@pytest.mark.parametrize(("operation_id", "path", "headers"), REAL)
def test_what_is_answered_about_a_real_job_is_as_documented(
    house: House, api_schema: Any, operation_id: str, path: dict[str, str], headers: dict[str, str]
) -> None:
    house.working = True
    job_id = house.finished_job("a real one")["job_id"]
    operation = api_schema.find_operation_by_id(operation_id)
    case = operation.Case(path_parameters={"job_id": job_id, **path}, headers=headers)

    response = case.call_and_validate(checks=CHECKS, headers=house.headers("alice"))

    assert response.status_code < 300 or response.status_code == 416


@pytest.mark.parametrize("operation_id", ["translate", "translateAsync"])
@pytest.mark.parametrize("text", ["real speech", "", "POISON"])
def test_what_is_answered_to_a_real_recording_is_as_documented(
    house: House, api_schema: Any, operation_id: str, text: str
) -> None:
    house.working = True
    body = {"audio": base64.b64encode(recording(text)).decode(), "target_langs": ["fr", "es"], "consent": True}
    operation = api_schema.find_operation_by_id(operation_id)

    case = operation.Case(body=body, media_type="application/json")

    case.call_and_validate(checks=CHECKS, headers=house.headers("alice"))


def test_cancelling_a_running_job_is_answered_as_documented(house: House, api_schema: Any) -> None:
    job_id = house.waiting_job("to be cancelled")
    case = api_schema.find_operation_by_id("endJob").Case(path_parameters={"job_id": job_id})

    assert case.call_and_validate(checks=CHECKS, headers=house.headers("alice")).status_code == 200


def test_the_document_is_valid_openapi(house: House) -> None:
    document = house.client.get("/schema/openapi.json").json()

    assert document["openapi"].startswith("3.1")
    schemathesis.openapi.from_dict(document).validate()


ABOUT = [
    ("giveFeedback", {"body": {"language": "fr", "rating": 5, "signals": {"shared": True}}}),
    ("getHistory", {"query": {"text": "true", "language": "fr", "state": "done"}}),
    ("getStats", {"query": {"since_s": 1.5}}),
]


@pytest.mark.parametrize(("operation_id", "asked"), ABOUT)
def test_what_is_answered_about_what_became_of_jobs_is_as_documented(
    house: House, api_schema: Any, operation_id: str, asked: dict[str, Any]
) -> None:
    house.working = True
    job_id = house.finished_job("another real one")["job_id"]
    if "body" in asked:
        asked = {"body": {"job_id": job_id, **asked["body"]}, "media_type": "application/json"}
    case = api_schema.find_operation_by_id(operation_id).Case(**asked)

    response = case.call_and_validate(checks=CHECKS, headers=house.headers("alice"))

    assert response.status_code in (200, 201)


@pytest.mark.parametrize(
    "kind",
    [FeedbackOut, HistoryOut, StatsOut, ActionAnswer, AuditPage, DeadLettersPage, History, Me, MetricsReport],
)
def test_the_example_of_an_answer_is_one(house: House, kind: type[msgspec.Struct]) -> None:
    schemas = house.client.get("/schema/openapi.json").json()["components"]["schemas"]
    (example,) = schemas[kind.__name__]["examples"]

    assert msgspec.json.decode(msgspec.json.encode(msgspec.convert(example, kind))) == example


def test_the_example_of_a_feedback_is_what_the_api_reads(house: House) -> None:
    document = house.client.get("/schema/openapi.json").json()
    body = document["paths"]["/api/v1/voice/feedback"]["post"]["requestBody"]["content"]["application/json"]["example"]

    assert msgspec.convert(body, FeedbackIn).rating == body["rating"]
