"""An allowance without plans: everything is granted."""

import sqlalchemy as sa

from appliance.jobs.terms import Demand, Terms, VoiceKind
from appliance.owner import Owner


class EverythingAllowed:
    """Implements Allowance for tests that are not about plans."""

    def __init__(self, sla_s: float = 30.0) -> None:
        """Promise this many seconds."""
        self._sla_s = sla_s

    def check(
        self, connection: sa.Connection, application_id: str, languages: tuple[str, ...], voice: VoiceKind
    ) -> Terms:
        """Return terms that no plan stands behind."""
        return self._terms()

    def grant(self, connection: sa.Connection, owner: Owner, demand: Demand, now_s: float) -> Terms:
        """Return terms that no plan stands behind."""
        return self._terms()

    def _terms(self) -> Terms:
        return Terms(plan=None, priority=0, sla_s=self._sla_s)
