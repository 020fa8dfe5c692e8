"""What would be accepted at this moment: a note of 5 s into one language, under the strictest plan of each priority."""

from dataclasses import dataclass

import sqlalchemy as sa

from appliance.access.plans import list_plans
from appliance.jobs.backlog import Waiting
from appliance.jobs.deadlines import deadline_s
from appliance.jobs.outlook import Asked, Outlook
from appliance.settings import Settings

NOTE_S = 5.0
PRIORITIES = (0, 1, 2)


@dataclass(frozen=True)
class Opening:
    """What would happen to the note."""

    priority: int
    sla_s: float
    """The strictest plan's, unscaled."""
    accepts: bool
    eta_s: float | None
    """In how many seconds it would be done; None where nothing is known."""
    retry_after_s: float | None
    """Where it would be refused: when to ask again."""
    waiting: Waiting


def openings(connection: sa.Connection, settings: Settings, outlook: Outlook, now_s: float) -> list[Opening]:
    """Return the opening of each priority, as this outlook has it."""
    strictest = _strictest(connection, settings)
    return [
        _opening(priority, sla_s, outlook.of(plan), settings, now_s) for priority, (sla_s, plan) in strictest.items()
    ]


def _strictest(connection: sa.Connection, settings: Settings) -> dict[int, tuple[float, str | None]]:
    """Return the strictest SLA of each priority with its plan; the site's where no plan has that priority."""
    found: dict[int, list[tuple[float, str | None]]] = {priority: [] for priority in PRIORITIES}
    for plan in list_plans(connection):
        found[plan.priority].append((plan.sla_s or settings.sla_s, plan.name))
    return {priority: min(plans, default=(settings.sla_s, None)) for priority, plans in found.items()}


def _opening(priority: int, sla_s: float, outlook: Outlook, settings: Settings, now_s: float) -> Opening:
    eta_s = retry_after_s = None
    accepts = not settings.most_waiting_jobs or outlook.backlog.jobs_beside(priority) < settings.most_waiting_jobs
    if outlook.foresees(priority):
        budget_s = deadline_s(now_s, sla_s, NOTE_S, outlook.scale) - now_s
        verdict = outlook.judge(Asked(NOTE_S, budget_s, languages=1, heard=False, priority=priority), now_s)
        eta_s = round(verdict.eta_s, 3)
        # As admission does it: where a site was not commissioned, what is foreseen refuses nobody.
        if outlook.refuses(priority):
            retry_after_s = verdict.retry_after_s
            accepts = accepts and retry_after_s is None
    waiting = outlook.backlog.waiting.get(priority, Waiting())
    return Opening(priority, sla_s, accepts, eta_s, retry_after_s, waiting)
