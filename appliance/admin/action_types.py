"""Wire types of actions: what is asked, what is answered, what a refusal says. Read `schema.py` first."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Reason = Annotated[str, Meta(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$", description="Why; kept in the audit.")]
StatedReason = Annotated[
    str, Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$", description="Why; kept in the audit.")
]

MOST_RETRIED = 500
"""Dead letters that one request retries: each is accepted in a transaction of its own, before the answer comes."""


class PauseRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Take no more work of a lane."""

    reason: StatedReason
    expected_state: Literal["open"] = "open"


class ResumeRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Take work of a lane again; `paused` stands for `pausing` too."""

    reason: Reason = ""
    expected_state: Literal["paused"] = "paused"


class CancelRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Cancel a job that is open."""

    reason: Reason = ""
    expected_state: Literal["open"] = "open"


class RetryRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Retry one dead letter."""

    reason: Reason = ""
    expected_state: Literal["dead"] = "dead"


class RetryManyRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Retry dead letters that the filter takes, 500 at most, if they are exactly as many as expected."""

    reason: Reason = ""
    stage: Literal["hear", "translate", "synthesize", "finish"] | None = None
    priority: Annotated[int, Meta(ge=0, le=2)] | None = None
    error: Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[a-z_]+$")] | None = None
    expected_count: Annotated[int, Meta(ge=1, description="As `count` of the list with this filter.")]


class DrainRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Let a worker take nothing more."""

    reason: StatedReason
    expected_state: Literal["taking"] = "taking"


class UndrainRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Let a worker take work again."""

    reason: Reason = ""
    expected_state: Literal["draining"] = "draining"


class ActionAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """202: what was done, and what is true now."""

    action_id: str = ""
    action: str = ""
    subject: str = ""
    state: Annotated[str, Meta(description="Of the subject after it: of a lane, a worker, a job.")] = ""
    says: Annotated[str, Meta(description="A sentence.")] = ""
    running: Annotated[int | None, Meta(description="Items of a lane or worker that still run.")] = None
    job_ids: Annotated[tuple[str, ...], Meta(description="The jobs that a retry made.")] = ()
    failed: Annotated[dict[str, str], Meta(description="Of a bulk retry: error code by job that was not retried.")] = {}
    left: Annotated[int, Meta(description="Of a bulk retry: dead letters that were not tried.")] = 0


class Now(msgspec.Struct, frozen=True, kw_only=True):
    """What is true instead, in the member `now` of a 409 `state_conflict`."""

    state: str = ""
    says: str = ""
    count: int | None = None


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """The problem document of every refusal (RFC 9457), as far as a console needs it."""

    status: int = 0
    code: str = ""
    title: str = ""
    detail: str = ""
    now: Now | None = None
