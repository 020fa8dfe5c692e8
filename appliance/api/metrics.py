"""Metrics for Prometheus: of this process, and of the appliance as the database tells it."""

from litestar import Request, Response, get
from prometheus_client import CONTENT_TYPE_LATEST
from prometheus_client.exposition import generate_latest

from appliance import errors
from appliance.access.caller import Caller
from appliance.api.parts import Parts
from appliance.api.problems import KEYED, problems


@get(
    "/metrics",
    operation_id="getMetrics",
    summary="Metrics for Prometheus",
    tags=["service"],
    media_type="text/plain",
    response_description="Text format; needs a key with the role `viewer`, unless the site has opened it.",
    responses=problems(*KEYED, errors.Forbidden),
)
async def get_metrics(request: Request[Caller, None, object], parts: Parts) -> Response[bytes]:
    """Return the metrics; figures of the queue are read at this moment."""
    if not parts.settings.metrics_open:
        request.user.require("viewer")
    text = await parts.threads.short(generate_latest, parts.metrics.registry)
    return Response(text, media_type=CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"})
