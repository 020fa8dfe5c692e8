"""Feedback on a result."""

from typing import Annotated

import msgspec
from litestar import Request, post
from litestar.params import HeaderParameter

from appliance import errors
from appliance.access.caller import Caller
from appliance.access.rates import count_request
from appliance.api.identify import named_in_header
from appliance.api.learning_wire import FeedbackIn, FeedbackOut
from appliance.api.parts import ApiParts, Parts
from appliance.api.problems import OWNED, problems
from appliance.api.upload import read_json
from appliance.languages import parse_language
from appliance.learning.feedback import Opinion, Signals, record_feedback
from appliance.owner import Owner

BODY_BYTES_MAX = 32_768
"""The longest comment takes 12,000 bytes where every character is escaped."""

UserHeader = Annotated[
    str | None,
    HeaderParameter(name="X-Meeshy-User", required=False, description="The user, where the body does not name one."),
]


@post(
    "/api/v1/voice/feedback",
    operation_id="giveFeedback",
    summary="Say how good a translation is",
    status_code=201,
    tags=["learning"],
    request_max_body_size=BODY_BYTES_MAX,
    response_description="It is noted.",
    responses=problems(
        *OWNED,
        errors.NotFound,
        errors.UploadTooLarge,
        errors.ContentTypeRefused,
        errors.UnknownLanguage,
        errors.Overloaded,
    ),
)
async def give_feedback(
    request: Request[Caller, None, object], parts: Parts, user_header: UserHeader = None
) -> FeedbackOut:
    """Note an opinion on one language of a job, or how it was used; a later rating replaces an earlier one."""
    request.user.require("app")
    with parts.room.held() as held:
        body = await read_json(request, FeedbackIn, held)
    owner = request.user.owner(body.user_id, named_in_header(user_header))
    await parts.threads.short(count_request, parts.database, owner, parts.settings.requests_per_minute)
    return FeedbackOut(event_id=await parts.threads.short(_record, parts, owner, body))


def _record(parts: ApiParts, owner: Owner, body: FeedbackIn) -> str:
    opinion = msgspec.convert(body, Opinion, from_attributes=True)
    signals = msgspec.convert(body.signals, Signals, from_attributes=True)
    return record_feedback(parts.database, owner, body.job_id, parse_language(body.language), opinion, signals)
