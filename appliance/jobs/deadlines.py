"""When a job should be done."""

import sqlalchemy as sa

from appliance.settings import Settings
from appliance.storage.site import site_value

DEADLINE_PER_AUDIO_S = 2.0
"""Seconds added to a job's deadline per second of its recording: long ones take longer and are expected to."""
SLA_SCALE = "sla_scale"
"""The site's value that tells how much slower this machine is than the one the plans' times were written for."""


def sla_scale(connection: sa.Connection, settings: Settings) -> float:
    """Return what deadlines are multiplied by: as measured on this site, else the setting."""
    measured = site_value(connection, SLA_SCALE)
    return settings.sla_scale if measured is None else float(measured)


def deadline_s(accepted_s: float, sla_s: float, audio_s: float, scale: float) -> float:
    """Return accepted + (SLA + 2 s per second of recording) x scale."""
    return accepted_s + (sla_s + DEADLINE_PER_AUDIO_S * audio_s) * scale
