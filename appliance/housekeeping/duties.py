"""All duties by name, and how often each is done."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from appliance.housekeeping.answers import forget_answers
from appliance.housekeeping.figures import forget_actions, keep_history
from appliance.housekeeping.house import House, Outcome
from appliance.housekeeping.lost_work import return_lost_work
from appliance.housekeeping.old_events import forget_events
from appliance.housekeeping.orphans import delete_orphans
from appliance.housekeeping.phrases import bound_phrases, grow_phrases
from appliance.housekeeping.purges import settle_purges
from appliance.housekeeping.rates import forget_rate_windows
from appliance.housekeeping.recordings import drop_recordings
from appliance.housekeeping.results import expire_results
from appliance.housekeeping.unfinished import sweep_unfinished_writes
from appliance.housekeeping.voice_profiles import (
    drop_unused_voices,
    expire_profiles,
    finish_erasures,
    replay_tombstones,
)
from appliance.housekeeping.webhooks import forget_webhooks
from appliance.housekeeping.worker_rows import forget_gone_workers

ROUND_S = 10.0
MINUTE_S = 60.0
HOUR_S = 3600.0
ERASURE_S = 10.0
"""An erasure is to be complete within a minute, whoever dies meanwhile."""


@dataclass(frozen=True)
class Duty:
    """Something to do every so often."""

    do: Callable[[House], Outcome]
    every_s: float = MINUTE_S
    goes_on: bool = False
    """Whether it is due again in the next round where it left some of what it found: what comes in without a break must
    not outgrow what goes."""


DUTIES: Mapping[str, Duty] = {
    "lost_work": Duty(return_lost_work),
    # Before jobs go: it reads what they said.
    "phrases": Duty(grow_phrases, ROUND_S),
    "phrase_bounds": Duty(bound_phrases),
    "recordings": Duty(drop_recordings, goes_on=True),
    "results": Duty(expire_results, goes_on=True),
    "answers": Duty(forget_answers, goes_on=True),
    "purges": Duty(settle_purges, ROUND_S),
    "history": Duty(keep_history, ROUND_S),
    "actions": Duty(forget_actions, HOUR_S),
    "events": Duty(forget_events, goes_on=True),
    "webhooks": Duty(forget_webhooks, goes_on=True),
    "rate_windows": Duty(forget_rate_windows),
    "workers": Duty(forget_gone_workers),
    "voice_consents": Duty(expire_profiles),
    "unused_voices": Duty(drop_unused_voices, HOUR_S),
    "voice_erasures": Duty(finish_erasures, ERASURE_S),
    # These read whole listings of the store; the first at every start, which comes after a restore.
    "voice_tombstones": Duty(replay_tombstones, HOUR_S),
    "unfinished_writes": Duty(sweep_unfinished_writes, HOUR_S),
    "orphan_objects": Duty(delete_orphans, HOUR_S),
}
"""Ends of jobs before their objects: an object whose row went in this round is found in the next."""
