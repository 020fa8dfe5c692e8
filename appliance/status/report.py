"""The whole report: health, figures, and what needs somebody's attention."""

from collections.abc import Collection
from typing import Any

import msgspec

from appliance import __version__
from appliance.errors import StorageUnavailable
from appliance.settings import Settings
from appliance.status.figures import Figures, read_figures
from appliance.status.probes import Health, database_health, disk_health, redis_health, store_health
from appliance.storage.database import Database
from appliance.storage.opening import open_store

WEBHOOK_DUE_S = 300.0
"""A message that has been due for so long is delivered by nobody."""
HOUSEKEEPING_S = 600.0
"""Ten rounds of a minute."""
PAUSED_S = 3600.0
"""A pause is an operator's work for a while; one of so long was forgotten."""


class Attention(msgspec.Struct, frozen=True, kw_only=True):
    """Something that somebody has to do."""

    figure: str
    """Which figure says so, by the name that docs/operations.md has it under."""
    says: str
    do: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """How the appliance is; without the database there are no figures."""

    version: str
    health: dict[str, Health]
    figures: Figures | None
    attention: tuple[Attention, ...]

    def document(self) -> dict[str, Any]:
        """Return what `--json` prints."""
        return msgspec.to_builtins(self)


def make_report(settings: Settings, database: Database, families: Collection[str]) -> Report:
    """Look at everything; `families` are the kinds of work that need a worker each."""
    health = {
        "database": database_health(database),
        "redis": redis_health(settings),
        "object_store": store_health(lambda: open_store(settings)),
        "disk": disk_health(settings),
    }
    try:
        figures = read_figures(database) if health["database"].state == "ok" else None
    except StorageUnavailable:
        figures = None
    wrong = [
        Attention(figure=name, says=part.says, do=part.do)
        for name, part in health.items()
        if part.state in ("low", "away")
    ]
    if figures is not None:
        wrong += attention_for(figures, families)
    return Report(version=__version__, health=health, figures=figures, attention=tuple(wrong))


def attention_for(figures: Figures, families: Collection[str]) -> list[Attention]:
    """Return what the figures ask somebody to do."""
    return [*_of_work(figures, families), *_of_webhooks(figures), *_of_housekeeping(figures)]


def _of_work(figures: Figures, families: Collection[str]) -> list[Attention]:
    wrong = []
    taken = {family for worker in figures.workers if worker.taking for family in worker.families}
    missing = [family for family in families if family not in taken]
    if missing:
        wrong.append(
            Attention(
                figure="living",
                says=f"no living worker takes: {', '.join(missing)}",
                do="Start a worker of that role, or undrain one; a log says why the last one ended.",
            )
        )
    # What waits in a paused lane is late because somebody wants it so.
    overdue = sum(line.overdue for line in figures.queue if (line.family, line.priority) not in figures.paused)
    if overdue:
        wrong.append(
            Attention(
                figure="overdue",
                says=f"{overdue} waiting past the deadline",
                do="Add workers of the families that wait longest, or raise sla_scale if this lasts.",
            )
        )
    forgotten = [pause for pause in figures.pauses if pause.paused_ago_s > PAUSED_S]
    if forgotten:
        lanes = ", ".join(pause.lane for pause in forgotten)
        wrong.append(
            Attention(
                figure="paused for",
                says=f"paused for more than an hour: {lanes}",
                do="Resume it, in the console or over the API, if that was forgotten.",
            )
        )
    return wrong


def _of_webhooks(figures: Figures) -> list[Attention]:
    webhooks, wrong = figures.webhooks, []
    if webhooks.oldest_due_s > WEBHOOK_DUE_S:
        wrong.append(
            Attention(
                figure="oldest due",
                says=f"a webhook has been due for {webhooks.oldest_due_s:.0f} s",
                do="Run meeshy housekeeping with MEESHY_WEBHOOK_ALLOW set: it delivers.",
            )
        )
    troubled = webhooks.disabled_destinations + webhooks.failing_destinations
    if troubled:
        wrong.append(
            Attention(
                figure="disabled destinations" if webhooks.disabled_destinations else "failing destinations",
                says=f"{troubled} webhook destinations are in trouble",
                do="See meeshy webhooks list; mend the receiver, then replay or enable.",
            )
        )
    return wrong


def _of_housekeeping(figures: Figures) -> list[Attention]:
    failed = sorted(name for name, record in figures.housekeeping.items() if record.error)
    wrong = []
    if figures.housekeeping_ago_s is None or figures.housekeeping_ago_s > HOUSEKEEPING_S:
        says = "housekeeping never ran" if figures.housekeeping_ago_s is None else "housekeeping does not run"
        wrong.append(
            Attention(figure="last round", says=says, do="Start meeshy housekeeping; it puts right and lets go.")
        )
    if failed:
        wrong.append(
            Attention(
                figure="failed duties",
                says=f"failed the last time: {', '.join(failed)}",
                do="The log of housekeeping says why; it tries again by itself.",
            )
        )
    return wrong
