"""Pages that are the same for everybody until the next version: kept by whoever likes to, revalidated by their hash."""

import hashlib
from collections.abc import Mapping

from litestar import Request, Response

from appliance.api.ranges import matches


def static_response(
    request: Request, content: bytes, media_type: str, lasts_s: float, headers: Mapping[str, str] | None = None
) -> Response[bytes]:
    """Return the page, or 304 where the client has it."""
    etag = f'"{hashlib.sha256(content).hexdigest()}"'
    all_headers = {"Cache-Control": f"public, max-age={round(lasts_s)}", "ETag": etag, **(headers or {})}
    if matches(etag, request.headers.get("if-none-match")):
        return Response(b"", status_code=304, headers=all_headers)
    return Response(content, media_type=media_type, headers=all_headers)
