"""The terms that jobs are accepted under. The Submitter asks for them; who knows plans and quotas stands above."""

from typing import Literal, Protocol

import msgspec
import sqlalchemy as sa

from appliance.owner import Owner

VoiceKind = Literal["stock", "matched", "cloned"]


class Demand(msgspec.Struct, frozen=True, kw_only=True):
    """What a job would take, known once it is clear which of its languages are answered from what is kept."""

    languages: tuple[str, ...]
    voice: VoiceKind
    """Whose voice the workers would speak with."""
    translations: int
    """Languages that have to be computed."""
    audio_s: float
    """Seconds of recording that count; 0 where nothing has to be computed."""
    recording_bytes: int
    """What the stored recording takes; 0 where none is stored."""
    opens: bool
    """Whether the job has anything to wait for."""


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What a job is accepted under."""

    plan: str | None
    priority: int
    """0 is the most important."""
    sla_s: float
    """Seconds promised for a short message, before the recording's length and the machine's speed are added."""


class Allowance(Protocol):
    """Who decides whether a job may be accepted; `appliance.access.quotas.Quotas` is one."""

    def check(
        self, connection: sa.Connection, application_id: str, languages: tuple[str, ...], voice: VoiceKind
    ) -> Terms:
        """Return the terms, or raise what the application has no right to, before anything is decoded."""
        ...

    def grant(self, connection: sa.Connection, owner: Owner, demand: Demand, now_s: float) -> Terms:
        """Return the job's terms, or raise why it is refused.

        What was counted to decide stays so until the transaction ends: nobody else is granted the same remainder.
        """
        ...
