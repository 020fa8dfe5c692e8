"""Errors as HTTP: whoever shall come again is told when, whatever refuses them."""

import math

import pytest
from litestar import Request, get
from litestar.exceptions import HTTPException
from litestar.testing import create_test_client

from appliance.api.problems import PROBLEM_TYPE, answer_http_exception, answer_our_error
from appliance.errors import MeeshyError, every_error

COME_AGAIN = (429, 503)
OURS = [kind for kind in every_error() if kind.status in COME_AGAIN]
KNOWN_S = 7.2


@pytest.fixture(scope="module")
def api():
    """An API each of whose addresses refuses with an error of its own."""
    handlers = {MeeshyError: answer_our_error, HTTPException: answer_http_exception}
    with create_test_client([ours, litestars], exception_handlers=handlers, raise_server_exceptions=False) as client:
        yield client


@get("/ours/{code:str}/{when:str}", sync_to_thread=False)
def ours(request: Request) -> None:
    kind = next(kind for kind in OURS if kind.code == request.path_params["code"])
    raise kind(retry_after_s=KNOWN_S if request.path_params["when"] == "known" else None)


@get("/litestars/{status:int}", sync_to_thread=False)
def litestars(request: Request) -> None:
    raise HTTPException(status_code=request.path_params["status"], detail="refused")


def test_there_are_such_errors():
    assert {kind.status for kind in OURS} == set(COME_AGAIN)
    assert len({kind.code for kind in OURS}) == len(OURS)


@pytest.mark.parametrize("kind", OURS, ids=lambda kind: kind.code)
def test_every_refusal_for_now_says_when_to_come_again(api, kind):
    unknown, known = (api.get(f"/ours/{kind.code}/{when}") for when in ("unknown", "known"))
    for answer in (unknown, known):
        assert (answer.status_code, answer.json()["code"]) == (kind.status, kind.code)
        assert answer.headers["content-type"] == PROBLEM_TYPE
    assert int(unknown.headers["retry-after"]) >= 1
    assert int(known.headers["retry-after"]) == math.ceil(KNOWN_S)


def test_a_refusal_of_litestars_own_says_it_too(api):
    answer = api.get("/litestars/429")
    assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited")
    assert int(answer.headers["retry-after"]) >= 1
