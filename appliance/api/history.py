"""A user's jobs as a list."""

from typing import Annotated

import msgspec
from litestar import get
from litestar.params import QueryParameter

from appliance import errors
from appliance.api.learning_wire import HistoryOut
from appliance.api.parts import Of, Parts
from appliance.api.problems import OWNED, problems
from appliance.jobs.states import JobState
from appliance.languages import parse_language
from appliance.learning.cursor import CURSOR_MAX
from appliance.learning.history import Asked, history

LIMIT_MAX = 100
TIME_MAX_S = 1e11
"""Seconds since the epoch beyond which a number is no time of ours, but perhaps milliseconds."""

Limit = Annotated[int, QueryParameter(ge=1, le=LIMIT_MAX, description="Jobs per page.")]
Cursor = Annotated[
    str | None,
    QueryParameter(
        name="cursor",
        required=False,
        min_length=1,
        max_length=CURSOR_MAX,
        pattern=r"^[A-Za-z0-9_-]+$",
        description="`next_cursor` of the page before, with the same filters.",
    ),
]
State = Annotated[JobState | None, QueryParameter(name="state", required=False, description="Only jobs in this state.")]
TargetLanguage = Annotated[
    str | None,
    QueryParameter(
        name="language", required=False, min_length=2, max_length=35, description="Only jobs with this target language."
    ),
]
Since = Annotated[
    float | None,
    QueryParameter(name="since_s", required=False, ge=0, le=TIME_MAX_S, description="Accepted at this time or later."),
]
Until = Annotated[
    float | None,
    QueryParameter(name="until_s", required=False, ge=0, le=TIME_MAX_S, description="Accepted before this time."),
]
WithText = Annotated[bool, QueryParameter(description="Bring what was heard along.")]


@get(
    "/api/v1/voice/history",
    operation_id="getHistory",
    summary="List a user's jobs",
    tags=["learning"],
    response_description="A page of jobs, newest first.",
    responses=problems(*OWNED, errors.UnknownLanguage),
)
async def get_history(
    parts: Parts,
    owner: Of,
    limit: Limit = 20,
    cursor: Cursor = None,
    in_state: State = None,
    language: TargetLanguage = None,
    since_s: Since = None,
    until_s: Until = None,
    text: WithText = False,
) -> HistoryOut:
    """Return the user's jobs that are still kept, newest first, page by page; new jobs do not disturb the paging."""
    asked = Asked(
        limit=limit,
        cursor=cursor,
        state=in_state,
        language=parse_language(language) if language is not None else None,
        since_s=since_s,
        until_s=until_s,
        text=text,
    )
    page = await parts.threads.short(history, parts.database, owner, asked)
    return msgspec.convert(page, HistoryOut, from_attributes=True)
