"""The one place where errors become HTTP: RFC 9457 documents for our errors, Litestar's own, and the unexpected."""

import logging
import math
import traceback
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.openapi import ResponseSpec
from litestar.openapi.spec import Example

from appliance import errors
from appliance.api.logs import REFUSAL, REFUSED_PRIORITY
from appliance.api.wire import Problem
from appliance.errors import MeeshyError

log = logging.getLogger(__name__)

PROBLEM_TYPE = "application/problem+json"
DOCS_PATH = "/docs"

_OF_STATUS: dict[int, type[MeeshyError]] = {
    400: errors.InvalidRequest,
    401: errors.NotAuthenticated,
    403: errors.Forbidden,
    404: errors.NotFound,
    405: errors.MethodNotAllowed,
    413: errors.UploadTooLarge,
    415: errors.ContentTypeRefused,
    429: errors.RateLimited,
    503: errors.NotReady,
}
"""Litestar's own exceptions carry only a status."""
_COME_AGAIN_S = {429: 60, 503: 5}
"""When to come again where nobody knows: requests are counted by the minute, an outage heals when it heals."""
_OWN_SENTENCE = {404, 405, 413}
"""Our titles say more than Litestar's details."""


def problem_response(request: Request, error: MeeshyError) -> Response[bytes]:
    """Return the error as a problem document with the headers that belong to its status."""
    if error.status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        request.scope[REFUSAL] = error.code  # type: ignore[literal-required]
    if isinstance(error, errors.Overloaded):
        request.scope[REFUSED_PRIORITY] = error.extra.get("priority")  # type: ignore[literal-required]
    document: dict[str, Any] = dict(error.extra)
    document |= {
        "type": f"{DOCS_PATH}#{error.code}",
        "title": error.title(),
        "status": error.status,
        "detail": error.detail,
        "code": error.code,
        "instance": request.scope["path"],
    }
    return Response(
        msgspec.json.encode(document), status_code=error.status, media_type=PROBLEM_TYPE, headers=_headers(error)
    )


def answer_our_error(request: Request, error: MeeshyError) -> Response[bytes]:
    """Answer a MeeshyError."""
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.warning("refused", extra={"code": error.code, "detail": error.detail})
    return problem_response(request, error)


def answer_http_exception(request: Request, exception: HTTPException) -> Response[bytes]:
    """Answer an exception of Litestar's: routing, parameters, body limits."""
    if exception.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return answer_unexpected(request, exception)
    kind = _OF_STATUS.get(exception.status_code, errors.InvalidRequest)
    response = problem_response(request, kind(_detail_of(exception)))
    for name, value in (exception.headers or {}).items():
        response.set_header(name, value)
    return response


def answer_unexpected(request: Request, exception: Exception) -> Response[bytes]:
    """Answer what nobody foresaw with a bare 500, and log where it happened.

    The exception's text stays out of the log: it may quote a transcript or a key.
    """
    frames = traceback.extract_tb(exception.__traceback__)[-3:]
    where = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in reversed(frames)]
    log.error("unexpected", extra={"exception": type(exception).__qualname__, "where": where})
    return problem_response(request, MeeshyError())


def problems(*kinds: type[MeeshyError]) -> dict[int, ResponseSpec]:
    """Return the OpenAPI responses of a route that can raise these errors, besides those that every route can."""
    by_status: dict[int, list[type[MeeshyError]]] = {}
    for kind in dict.fromkeys((*_EVERYWHERE, *kinds)):
        by_status.setdefault(kind.status, []).append(kind)
    return {status: _spec(grouped) for status, grouped in sorted(by_status.items())}


_EVERYWHERE = (errors.InvalidRequest, MeeshyError)
KEYED = (errors.NotAuthenticated, errors.StorageUnavailable)
"""What every route behind a key can answer."""
OWNED = (*KEYED, errors.Forbidden, errors.RateLimited)
"""What every route that belongs to a user can answer."""


def _spec(kinds: list[type[MeeshyError]]) -> ResponseSpec:
    examples = [
        Example(
            id=kind.code,
            summary=kind.title(),
            value={
                "type": f"{DOCS_PATH}#{kind.code}",
                "title": kind.title(),
                "status": kind.status,
                "detail": kind.title(),
                "code": kind.code,
                "instance": "/api/v1/voice/translate",
            },
        )
        for kind in kinds
    ]
    description = " ".join(f"`{kind.code}`: {kind.title()}" for kind in kinds)
    return ResponseSpec(
        Problem, description=description, media_type=PROBLEM_TYPE, examples=examples, generate_examples=False
    )


def _headers(error: MeeshyError) -> dict[str, str]:
    headers = {"Cache-Control": "no-store"}
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after_s)))
    elif error.status in _COME_AGAIN_S:
        headers["Retry-After"] = str(_COME_AGAIN_S[error.status])
    if isinstance(error, errors.NotAuthenticated):
        headers["WWW-Authenticate"] = 'Bearer realm="meeshy"'
    if isinstance(error, errors.RangeNotSatisfiable):
        headers["Content-Range"] = f"bytes */{error.extra['size_bytes']}"
    return headers


def _detail_of(exception: HTTPException) -> str:
    """Return what is wrong with which parameter, without the internals that Litestar's own text has."""
    extra = exception.extra
    if isinstance(extra, list) and extra and all(isinstance(entry, dict) for entry in extra):
        return "; ".join(f"{entry.get('key', 'request')}: {entry.get('message', 'invalid')}" for entry in extra)
    if exception.status_code in _OWN_SENTENCE:
        return ""
    return exception.detail
