"""The API's documentation as one plain page, made from the OpenAPI document: no script, nothing from elsewhere."""

from html import escape
from typing import Any

from litestar import Request, Response, get

from appliance.api.openapi import completed
from appliance.api.parts import Parts
from appliance.api.static import static_response
from appliance.errors import every_error

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "code,pre{font:14px ui-monospace,monospace;background:#8882;border-radius:4px;padding:0 .2em}pre{padding:.6em}"
    "table{border-collapse:collapse;width:100%}td,th{border-bottom:1px solid #8884;padding:.3em;text-align:left;"
    "vertical-align:top}h3{margin-top:2em}:root{color-scheme:light dark}"
)


@get("/docs", include_in_schema=False, media_type="text/html", sync_to_thread=True)
def docs(request: Request, parts: Parts) -> Response[bytes]:
    """Show every route with its parameters and answers, and every error code."""
    page = rendered(completed(request.app.openapi_schema.to_schema())).encode()
    return static_response(
        request, page, "text/html; charset=utf-8", parts.settings.static_ttl_s, {"Content-Security-Policy": _POLICY}
    )


def rendered(document: dict[str, Any]) -> str:
    """Return the page of an OpenAPI document."""
    routes = "".join(
        _route(method, path, operation, document["components"]["schemas"])
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if isinstance(operation, dict)
    )
    title = escape(document["info"]["title"])
    return (
        f"<!doctype html><html lang='en'><meta charset='utf-8'><title>{title}</title><style>{_STYLE}</style>"
        f"<h1>{title}</h1><p>{escape(document['info']['description'])}</p>"
        "<p>As a document for tools: <a href='/schema/openapi.json'>/schema/openapi.json</a></p>"
        f"<h2>Routes</h2>{routes}<h2>Errors</h2>{_errors()}</html>"
    )


def _route(method: str, path: str, operation: dict[str, Any], schemas: dict[str, Any]) -> str:
    parameters = "".join(
        f"<tr><td><code>{escape(p['name'])}</code></td><td>{escape(p['in'])}</td>"
        f"<td>{escape(p.get('description') or '')}</td></tr>"
        for p in operation.get("parameters") or ()
    )
    answers = "".join(
        f"<tr><td>{escape(str(status))}</td><td>{escape(response.get('description') or '')}</td></tr>"
        for status, response in operation["responses"].items()
    )
    return (
        f"<h3><code>{method.upper()} {escape(path)}</code></h3><p>{escape(operation.get('summary') or '')}. "
        f"{escape(operation.get('description') or '')}</p>"
        + _fields(operation.get("requestBody"), schemas)
        + (f"<h4>Parameters</h4><table>{parameters}</table>" if parameters else "")
        + f"<h4>Answers</h4><table>{answers}</table>"
    )


def _fields(body: dict[str, Any] | None, schemas: dict[str, Any]) -> str:
    if body is None:
        return ""
    schema = next(iter(body["content"].values()))["schema"]
    properties = schemas.get(schema.get("$ref", "").rpartition("/")[2], schema)["properties"]
    rows = "".join(
        f"<tr><td><code>{escape(name)}</code></td><td>{escape(_told(schema))}</td></tr>"
        for name, schema in properties.items()
    )
    kinds = " or ".join(f"<code>{escape(kind)}</code>" for kind in body["content"])
    return f"<h4>Body: {kinds}</h4><table>{rows}</table>"


def _told(schema: dict[str, Any]) -> str:
    inner = [option.get("description") for option in schema.get("anyOf", ()) if option.get("description")]
    return schema.get("description") or (inner[0] if inner else "")


def _errors() -> str:
    rows = "".join(
        f"<tr id='{kind.code}'><td><code>{kind.code}</code></td><td>{kind.status}</td>"
        f"<td>{escape(kind.title())}</td></tr>"
        for kind in every_error()
    )
    return f"<table>{rows}</table>"
