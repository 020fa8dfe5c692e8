"""The OpenAPI document: Litestar's, completed with what it cannot know."""

from typing import Any

import msgspec
from litestar import Request, Router
from litestar.datastructures import CacheControlHeader
from litestar.enums import OpenAPIMediaType
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import OpenAPIRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme, Tag

from appliance import __version__
from appliance.api.admin_examples import ACTION_BODIES, ADMIN_EXAMPLES
from appliance.api.bodies import Shape
from appliance.api.examples import ANSWER, JSON_REQUEST
from appliance.api.learning_examples import FEEDBACK, HISTORY, NOTED, PHRASES, STATS
from appliance.api.learning_wire import FeedbackIn
from appliance.api.profile import SHAPE
from appliance.api.profile_bodies import ProfileIn
from appliance.api.profile_examples import ERASED, PROFILE, PROFILE_REQUEST, SAMPLE, SAMPLE_REQUEST, USER_ERASED
from appliance.api.subtitles import MEDIA_TYPES
from appliance.audio.formats import CONTENT_TYPES
from appliance.receipts.receipt import Receipt

DESCRIPTION = """\
Voice messages go in, the same messages come out in other languages, in a voice like the speaker's.

Times are seconds, sizes bytes, languages BCP-47. Errors are `application/problem+json` (RFC 9457) with a stable `code`.
Send `Authorization: Bearer` with an application's API key, and name the user (`user_id` in the body, or the header
`X-Meeshy-User`), or with a JWT for one user that the application signed with its token secret (HS256; `iss` the
application's id, `sub` the user, `aud` `meeshy`, `exp`).
"""
_REF = "#/components/schemas/{name}"
_AUDIO = {media_type.split(";")[0] for media_type in CONTENT_TYPES.values()}
_TEXT = {"type": "string"}
_EVENT = {
    "type": "object",
    "properties": {
        "event": {"enum": ["progress", "end"]},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
}
_SNAPSHOTS = {
    "type": "object",
    "properties": {
        "event": {"enum": ["snapshot"]},
        "id": {"type": "string"},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
}
_AUDIO_PATH = "/api/v1/voice/job/{job_id}/audio/{language}"
_CONTENTS: dict[tuple[str, str, str], dict[str, dict[str, Any]]] = {
    (_AUDIO_PATH, "get", "200"): dict.fromkeys(_AUDIO, _TEXT),
    (_AUDIO_PATH, "get", "206"): dict.fromkeys(_AUDIO, _TEXT),
    (_AUDIO_PATH, "head", "200"): {media_type: {} for media_type in _AUDIO},
    ("/api/v1/voice/job/{job_id}/subtitles/{file}", "get", "200"): dict.fromkeys(MEDIA_TYPES.values(), _TEXT),
    ("/api/v1/voice/job/{job_id}/events", "get", "200"): {"text/event-stream": _EVENT},
    ("/api/v1/admin/events", "get", "200"): {"text/event-stream": _SNAPSHOTS},
}
"""Bodies that are no JSON: per path, method and status the media types with their schemas."""
_UPLOADS = {
    "/api/v1/voice/translate": (Shape.sync(), JSON_REQUEST),
    "/api/v1/voice/translate/async": (Shape.announced(), JSON_REQUEST),
    "/api/v1/voice/profile/sample": (SHAPE, SAMPLE_REQUEST),
}
"""Bodies with a recording, as a form or as JSON: per path the shape and an example."""
_JSON_BODIES = {
    "/api/v1/voice/feedback": (FeedbackIn, FEEDBACK),
    "/api/v1/voice/profile": (ProfileIn, PROFILE_REQUEST),
    **ACTION_BODIES,
}
"""Bodies that are JSON alone: per path the struct and an example."""
_EXAMPLES = {
    "Answer": ANSWER, "FeedbackOut": NOTED, "HistoryOut": HISTORY, "StatsOut": STATS, "PhraseStatsOut": PHRASES,
    "ProfileOut": PROFILE, "SampleOut": SAMPLE, "ErasureReceipt": ERASED,
    "UserErasure": USER_ERASED,
    **ADMIN_EXAMPLES,
}  # fmt: skip


def openapi_config(lasts_s: float) -> OpenAPIConfig:
    """Return the configuration under which Litestar makes and serves the document, which may be kept for so long."""
    return OpenAPIConfig(
        title="Meeshy voice translation",
        version=__version__,
        description=DESCRIPTION,
        openapi_router=Router(
            path="/schema",
            route_handlers=[],
            include_in_schema=False,
            dto=None,
            return_dto=None,
            cache_control=CacheControlHeader(public=True, max_age=round(lasts_s)),
        ),
        render_plugins=[_Document()],
        components=Components(
            security_schemes={
                "apiKey": SecurityScheme(type="http", scheme="bearer", description="An application's API key: `mk_…`."),
                "userToken": SecurityScheme(
                    type="http",
                    scheme="bearer",
                    bearer_format="JWT",
                    description="A token for one user, signed with the application's token secret (HS256).",
                ),
            }
        ),
        security=[{"apiKey": []}, {"userToken": []}],
        tags=[
            Tag(name="voice", description="The main job."),
            Tag(name="profile", description="The user's own voice, kept with their consent."),
            Tag(name="jobs", description="What became of it."),
            Tag(name="results", description="Audio and subtitles."),
            Tag(name="learning", description="What people say about results, and what became of all of them."),
            Tag(name="operators", description="What the console shows and does, over all applications."),
            Tag(name="service", description="What can be asked for, and whether the appliance is well."),
        ],
        use_handler_docstrings=True,
    )


def completed(document: dict[str, Any]) -> dict[str, Any]:
    """Return Litestar's document with request bodies, receipt and examples filled in."""
    schemas = document["components"]["schemas"]
    for path, (shape, example) in _UPLOADS.items():
        document["paths"][path]["post"]["requestBody"] = _body(shape, example, schemas)
    for path, (kind, example) in _JSON_BODIES.items():
        document["paths"][path]["post"]["requestBody"] = _json_body(kind, example, schemas)
    for (path, method, status), schema_of in _CONTENTS.items():
        response = document["paths"][path][method]["responses"][status]
        response["content"] = {media_type: {"schema": schema} for media_type, schema in sorted(schema_of.items())}
    for item in document["paths"].values():
        for operation in item.values():
            _tidy(operation)
    _components(schemas, Receipt)
    schemas["Receipt"].pop("required", None)
    receipt = schemas["TargetOut"]["properties"]["receipt"]
    receipt.clear()
    receipt["oneOf"] = [{"$ref": _REF.format(name="Receipt")}, {"type": "null"}]
    for name, example in _EXAMPLES.items():
        schemas[name]["examples"] = [example]
    return document


class _Document(OpenAPIRenderPlugin):
    """Serves the completed document as JSON."""

    def __init__(self) -> None:
        super().__init__(path="/openapi.json", media_type=OpenAPIMediaType.OPENAPI_JSON, favicon="", style="")
        self._rendered: bytes | None = None

    def render(self, request: Request, openapi_schema: dict[str, Any]) -> bytes:
        """Return the document's bytes; made once."""
        if self._rendered is None:
            self._rendered = self.render_json(request, completed(request.app.openapi_schema.to_schema()))
        return self._rendered


def _body(shape: Shape, example: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    _components(schemas, shape.json)
    json_schema = schemas[shape.json.__name__]
    json_schema["required"] = ["audio"]
    json_schema["properties"]["audio"] = {
        "type": "string",
        "contentEncoding": "base64",
        "pattern": "^(?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$",
        "description": "The recording, base64.",
    }
    form = {name: dict(part) for name, part in json_schema["properties"].items()}
    form["audio"] = {"type": "string", "format": "binary", "description": "The recording as a file."}
    return {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": form,
                    "required": ["audio"],
                    "additionalProperties": False,
                },
                "encoding": {"audio": {"contentType": "audio/*"}},
            },
            "application/json": {"schema": {"$ref": _REF.format(name=shape.json.__name__)}, "example": example},
        },
    }


def _json_body(kind: type[msgspec.Struct], example: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    _components(schemas, kind)
    schema = {"$ref": _REF.format(name=kind.__name__)}
    return {"required": True, "content": {"application/json": {"schema": schema, "example": example}}}


def _tidy(operation: dict[str, Any]) -> None:
    """Take out what OpenAPI 3.1 does not know: ids of examples, and `null` as the value of a header or a query."""
    for response in operation["responses"].values():
        for content in (response.get("content") or {}).values():
            for example in (content.get("examples") or {}).values():
                example.pop("id", None)
    for parameter in operation.get("parameters") or ():
        options = parameter["schema"].pop("oneOf", ())
        parameter["schema"] |= next((option for option in options if option != {"type": "null"}), {})


def _components(schemas: dict[str, Any], kind: type[msgspec.Struct]) -> None:
    _, found = msgspec.json.schema_components([kind], ref_template=_REF)
    for name, schema in found.items():
        schemas.setdefault(name, schema)
