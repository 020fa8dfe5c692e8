"""Plans in force: what an application may ask for, and how much of it is left. Exact over any number of processes.

The exact answer is given inside the transaction that accepts a job, under a lock of the application's own. The gate
gives an early one on a request's headers, before the body is read.
"""

from collections.abc import Sequence

import sqlalchemy as sa

from appliance.access.periods import day_end_s, month_end_s, month_of
from appliance.access.plan import Plan, plan_of
from appliance.access.spent import (
    Spent,
    earliest_deadline_s,
    first_to_go_s,
    open_jobs,
    spent_so_far,
    stored_bytes,
    used,
)
from appliance.errors import LanguageNotInPlan, ModelMissing, QuotaExceeded, VoiceNotInPlan
from appliance.jobs.locks import hold_names
from appliance.jobs.query import is_repeated
from appliance.jobs.terms import Demand, Terms, VoiceKind
from appliance.jobs.usage import day_of
from appliance.owner import Owner
from appliance.settings import Settings
from appliance.storage.tables import usage

AT_LEAST_S = 1.0
NOTHING_KNOWN_S = 60.0
"""When to come back where no job's end can be foreseen."""
_COUNTED = {
    "translations_per_month": "translations a month",
    "user_translations_per_month": "translations a month for each user",
    "concurrent_jobs": "jobs at once",
    "audio_s_per_day": "seconds of recordings a day",
    "stored_bytes": "stored bytes",
}
"""The limits that are counted when a job is accepted, in words."""


class Quotas:
    """Implements `appliance.jobs.terms.Allowance` with the plans of the database."""

    def __init__(self, settings: Settings) -> None:
        """The settings give what a plan leaves to the site."""
        self._settings = settings

    def gate(
        self, connection: sa.Connection, application_id: str, idempotency_key: str | None, now_s: float
    ) -> Plan:  # fmt: skip
        """Return the application's plan, or raise QuotaExceeded where nothing of it is left to use.

        A repeated idempotency key passes: it gets the job that it has got before. Whether a recording would be
        answered from what is kept is not known before it is read; with nothing left it is not read.
        """
        plan = plan_of(connection, application_id)
        if _limited(plan):
            self._anything_left(connection, plan, application_id, idempotency_key, now_s)
        return plan

    def check(
        self, connection: sa.Connection, application_id: str, languages: tuple[str, ...], voice: VoiceKind
    ) -> Terms:
        """Return the plan's terms; LanguageNotInPlan, VoiceNotInPlan, or ModelMissing where its models are others."""
        plan = plan_of(connection, application_id)
        self._check(plan, languages, voice)
        return self._terms(plan)

    def grant(self, connection: sa.Connection, owner: Owner, demand: Demand, now_s: float) -> Terms:
        """Return the plan's terms, or raise which of its limits the job would break.

        Until the transaction ends, no other job of the application is granted anything.
        """
        application_id = owner.application_id
        plan = plan_of(connection, application_id)
        self._check(plan, demand.languages, demand.voice)
        if _limited(plan) and (demand.opens or demand.recording_bytes):
            hold_names(connection, [f"quota:{application_id}"])
            if demand.opens:
                self._concurrent(connection, plan, application_id, now_s)
            if demand.translations:
                self._month(connection, plan, application_id, owner.user_id, demand.translations, now_s)
            if demand.audio_s:
                self._day(connection, plan, application_id, demand.audio_s, now_s)
            self._store(connection, plan, application_id, demand.recording_bytes, now_s)
        return self._terms(plan)

    def _terms(self, plan: Plan) -> Terms:
        return Terms(plan=plan.name, priority=plan.priority, sla_s=plan.sla_s or self._settings.sla_s)

    def _anything_left(
        self, connection: sa.Connection, plan: Plan, application_id: str, idempotency_key: str | None, now_s: float
    ) -> None:
        so_far = spent_so_far(connection, application_id, f"{month_of(now_s)}-01", day_of(now_s))
        if not _used_up(plan, so_far) or is_repeated(connection, application_id, idempotency_key):
            return
        self._month(connection, plan, application_id, None, 1, now_s)
        self._day(connection, plan, application_id, 0.0, now_s)
        self._store(connection, plan, application_id, 1, now_s)

    def _check(self, plan: Plan, languages: Sequence[str], voice: VoiceKind) -> None:
        if plan.languages is not None:
            missing = [language for language in languages if language not in plan.languages]
            if missing:
                allowed = ", ".join(plan.languages)
                raise LanguageNotInPlan(
                    f"The plan '{plan.name}' does not have {', '.join(missing)}; it has: {allowed}.",
                    languages=list(plan.languages),
                )
        if voice == "cloned" and not plan.cloned_voice:
            raise VoiceNotInPlan(f"The plan '{plan.name}' has no cloned voices; ask for the voice 'stock'.")
        if plan.model_preset not in (None, self._settings.model_preset):
            raise ModelMissing(f"The plan '{plan.name}' needs the models '{plan.model_preset}'; this site runs others.")

    def _month(
        self, connection: sa.Connection, plan: Plan, application_id: str, user_id: str | None, more: int, now_s: float
    ) -> None:
        first_day = f"{month_of(now_s)}-01"
        limits = [("translations_per_month", None)]
        if user_id is not None:
            limits.append(("user_translations_per_month", user_id))
        for name, of_user in limits:
            limit = getattr(plan, name)
            if limit is None:
                continue
            spent = used(connection, usage.c.translations, application_id, first_day, of_user)
            if spent + more > limit:
                raise _exceeded(plan, name, spent, month_end_s(now_s) - now_s)

    def _day(self, connection: sa.Connection, plan: Plan, application_id: str, more_s: float, now_s: float) -> None:
        if plan.audio_s_per_day is None:
            return
        spent_s = used(connection, usage.c.audio_s, application_id, day_of(now_s))
        if spent_s + more_s > plan.audio_s_per_day or spent_s >= plan.audio_s_per_day:
            raise _exceeded(plan, "audio_s_per_day", round(spent_s, 3), day_end_s(now_s) - now_s)

    def _store(self, connection: sa.Connection, plan: Plan, application_id: str, more_bytes: int, now_s: float) -> None:
        if plan.stored_bytes is None or not more_bytes:
            return
        held_bytes = stored_bytes(connection, application_id)
        if held_bytes + more_bytes > plan.stored_bytes:
            goes_s = first_to_go_s(connection, application_id, self._settings, now_s)
            raise _exceeded(plan, "stored_bytes", held_bytes, _until(goes_s, now_s))

    def _concurrent(self, connection: sa.Connection, plan: Plan, application_id: str, now_s: float) -> None:
        if plan.concurrent_jobs is None:
            return
        running = open_jobs(connection, application_id)
        if running >= plan.concurrent_jobs:
            ends_s = earliest_deadline_s(connection, application_id)
            raise _exceeded(plan, "concurrent_jobs", running, _until(ends_s, now_s))


def _used_up(plan: Plan, so_far: Spent) -> bool:
    """Return whether nothing more fits into one of the limits that the gate knows."""
    pairs = (
        (plan.translations_per_month, so_far.translations),
        (plan.audio_s_per_day, so_far.audio_s),
        (plan.stored_bytes, so_far.stored_bytes),
    )
    return any(limit is not None and held >= limit for limit, held in pairs)


def _limited(plan: Plan) -> bool:
    return any(getattr(plan, name) is not None for name in _COUNTED)


def _until(at_s: float | None, now_s: float) -> float:
    return NOTHING_KNOWN_S if at_s is None else at_s - now_s


def _exceeded(plan: Plan, quota: str, spent: float, wait_s: float) -> QuotaExceeded:
    limit = getattr(plan, quota)
    return QuotaExceeded(
        f"The plan '{plan.name}' has {limit} {_COUNTED[quota]}; {spent} are used and this takes more than is left.",
        retry_after_s=max(AT_LEAST_S, wait_s),
        quota=quota,
        limit=limit,
        used=spent,
    )
