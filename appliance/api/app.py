"""The API as one Litestar application."""

from litestar import Litestar
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.middleware import DefineMiddleware

from appliance.api.admin_actions import (
    cancel_job,
    drain_worker,
    pause_lane,
    resume_lane,
    retry_dead_letter,
    retry_dead_letters,
    undrain_worker,
)
from appliance.api.admin_reads import (
    get_admin_job,
    get_admin_metrics,
    get_audit,
    get_dead_letters,
    get_figures,
    get_lane_jobs,
    get_me,
    get_quality,
    get_queue,
    get_snapshot,
)
from appliance.api.admin_stream import follow_console
from appliance.api.audio import get_audio, head_audio
from appliance.api.capacity import get_capacity
from appliance.api.docs_page import docs
from appliance.api.feedback import give_feedback
from appliance.api.health import health, live, ready
from appliance.api.history import get_history
from appliance.api.identify import Identify, owner_of_request
from appliance.api.jobs import end_job, follow_job, get_job
from appliance.api.languages import get_languages
from appliance.api.logs import LogRequests
from appliance.api.metrics import get_metrics
from appliance.api.openapi import openapi_config
from appliance.api.parts import ApiParts
from appliance.api.phrases import get_phrase_stats
from appliance.api.problems import answer_http_exception, answer_our_error, answer_unexpected
from appliance.api.profile import erase, get_profile, open_profile, send_sample
from appliance.api.purges import get_purges
from appliance.api.stats import get_stats
from appliance.api.subtitles import get_subtitles
from appliance.api.translate import translate, translate_async
from appliance.api.usage import get_usage
from appliance.api.users import erase_everything
from appliance.errors import MeeshyError

ROUTES = (
    translate, translate_async, get_job, end_job, follow_job, get_audio, head_audio, get_subtitles, get_languages,
    open_profile, get_profile, send_sample, erase, erase_everything,
    get_usage, get_capacity, give_feedback, get_history, get_stats, get_phrase_stats, get_purges, live, ready, health,
    get_metrics, docs,
    get_me, get_snapshot, follow_console, get_queue, get_admin_metrics, get_figures, get_quality, get_lane_jobs,
    get_admin_job, get_dead_letters, get_audit, pause_lane, resume_lane, cancel_job, retry_dead_letters,
    retry_dead_letter, drain_worker, undrain_worker,
)  # fmt: skip


def create_app(parts: ApiParts) -> Litestar:
    """Return the API over these parts; whoever runs it also runs the delivery of webhooks."""

    def given_parts() -> ApiParts:
        return parts

    return Litestar(
        route_handlers=ROUTES,
        dependencies={
            "parts": Provide(given_parts, sync_to_thread=False, use_cache=True),
            "owner": Provide(owner_of_request),
        },
        middleware=[LogRequests(parts.metrics), DefineMiddleware(Identify, parts=parts)],
        exception_handlers={
            MeeshyError: answer_our_error,
            HTTPException: answer_http_exception,
            Exception: answer_unexpected,
        },
        openapi_config=openapi_config(parts.settings.static_ttl_s),
        request_max_body_size=parts.settings.max_upload_bytes,
        logging_config=None,
        debug=False,
    )
