"""Five times more than fits, of mixed plans: what is accepted is in time, what is refused is told at once."""

import json
from dataclasses import dataclass

import pytest

from appliance.testing.spoken import audio_of
from tests.chaos.checker import check
from tests.chaos.commissioned import commission_site
from tests.chaos.crowd import Crowd, Rates
from tests.chaos.memory import Memory
from tests.chaos.open_loop import Heard, OpenLoop
from tests.chaos.reckoning import Reckoning, quantile, reckon
from tests.chaos.scene import Scene
from tests.processes.conftest import eventually

WORKERS = (("whisper", "3"), ("voice", "2"), ("voice", "1"))
"""Roles with their slots. One slot of each kind is kept for enterprise, whose plan as shipped reserves it."""
PEAK_HZ = 4.0
"""About what these workers do of the crowd's notes."""
LONG_S = 600.0
GROWS_AT_MOST = 1.15
"""What a process may hold in the last third of a long overload, of what it held in the first."""
ANSWERS = {"cancel": (200, 204, 409)}
"""What may be said to who looks and cancels. 409: the job ended between the look at it and its cancellation."""
IMPORTANT: Rates = {"business": 1.0, "enterprise": 0.5}
"""The same at every load: what changes is how much comes beside it."""


def rates_at(times: float) -> Rates:
    """Return the notes a second by plan that are so many times what fits."""
    rest_hz = times * PEAK_HZ - sum(IMPORTANT.values())
    return {**IMPORTANT, "pro": 0.45 * rest_hz, "free": 0.55 * rest_hz}


@dataclass(frozen=True)
class Phase:
    """One load for so many seconds."""

    name: str
    rates_hz: Rates
    seconds: float


class Site:
    """A commissioned site with a crowd before it."""

    def __init__(self, scene: Scene, seed: int) -> None:
        self.scene, fleet = scene, scene.fleet
        self.scale = commission_site(fleet.settings)
        self.crowd = Crowd(fleet.database, seed)
        for role, slots in WORKERS:
            fleet.keep("worker", "appliance.testing.timed_worker", role, "--slots", slots)
        fleet.keep_housekeeping()
        fleet.keep_api()
        eventually(lambda: len(fleet.worker_ids()) == len(WORKERS), "the workers are there")
        fleet.ready()
        self.load = OpenLoop(fleet.urls, scene.history, seed)

    def run(self, phase: Phase) -> Reckoning:
        heard = self.load.run(self.crowd.notes(phase.rates_hz, phase.seconds))
        self.scene.fleet.all_ended(60)
        return reckon(self.scene.fleet.database, heard, phase.seconds)


def _wrong(heard: Heard) -> list[str]:
    """Return what should not have been answered so, whatever the load."""
    found = [f"{answer.note.key}: {answer.status}" for answer in heard.refused if answer.status not in (429, 503)]
    found += [f"{answer.note.key}: no code" for answer in heard.refused if not answer.code]
    found += [f"{answer.note.key}: Retry-After {answer.retry_after}" for answer in heard.refused
              if not (answer.retry_after or "").isdigit() or int(answer.retry_after) < 1]  # fmt: skip
    return found + [f"{kind}: {status}" for kind, status, _ in heard.looks if status not in ANSWERS.get(kind, (200,))]


def test_what_is_accepted_in_an_overload_ends_and_what_is_refused_is_told_when_to_come_back(
    staged, redis, seed, figures
):
    scene = staged(redis_url=redis.url, requests_per_minute=600)
    reckoning = Site(scene, seed).run(Phase("five times", rates_at(5), 15.0))
    found = check(scene.history, scene.end_state(), audio_of)
    figures(**_shown(reckoning), **found.counts())
    assert found.all() == []
    assert _wrong(reckoning.heard) == []
    assert {"look", "cancel", "live", "ready"} <= {kind for kind, _, _ in reckoning.heard.looks}
    assert "overloaded" in reckoning.codes()


@pytest.mark.full
@pytest.mark.timeout(3600)
def test_ten_minutes_of_five_times_too_much(staged, redis, seed, figures):
    scene = staged(redis_url=redis.url, as_shipped=True, requests_per_minute=600)
    site = Site(scene, seed)
    site.run(Phase("warm", rates_at(1), 20.0))
    ladder = [site.run(Phase(f"{times} times", rates_at(times), 60.0)) for times in (0.75, 1.5, 2.0)]
    before = site.run(Phase("once", rates_at(1), LONG_S / 3))
    with Memory(scene.fleet.slots) as memory:
        overload = site.run(Phase("five times", rates_at(5), LONG_S))
    after = site.run(Phase("once again", rates_at(1), LONG_S / 3))
    found = check(scene.history, scene.end_state(), audio_of)
    for name, reckoning in {"once": before, "five_times": overload, "once_again": after}.items():
        figures(phase=name, **_shown(reckoning))
    peak_hz = max(each.goodput_hz for each in (*ladder, before, after, overload))
    held_mib = memory.highest_mib()
    p0_p95_s = [quantile(each.took_s(*IMPORTANT), 0.95) for each in (before, overload, after)]
    p0_change, control = 2 * p0_p95_s[1] / (p0_p95_s[0] + p0_p95_s[2]), p0_p95_s[2] / p0_p95_s[0]
    figures(
        peak_hz=round(peak_hz, 2), goodput_of_peak=round(overload.goodput_hz / peak_hz, 3),
        ladder_hz=[round(each.goodput_hz, 2) for each in ladder],
        ladder_codes=[json.dumps(each.codes()) for each in ladder], p0_p95_change=round(p0_change, 3),
        p0_p95_control=round(control, 3), **found.counts(),
        held_mib={name: [round(mib) for mib in parts] for name, parts in held_mib.items()},
    )  # fmt: skip
    assert found.all() == []
    assert [wrong for each in (*ladder, before, overload, after) for wrong in _wrong(each.heard)] == []
    assert overload.goodput_hz >= 0.9 * peak_hz
    assert quantile(overload.refusals_s(), 0.99) <= 0.1
    assert overload.latest_share <= 1.1
    assert 0.9 <= control <= 1.1, "the machine was not the same throughout: measure again"
    assert p0_change <= 1.1
    assert all(last <= GROWS_AT_MOST * first for first, *_, last in held_mib.values())


def _shown(of: Reckoning) -> dict[str, object]:
    return {
        "offered": len(of.heard.answers), "codes": json.dumps(of.codes()), "accepted": of.shares_accepted(),
        "goodput_hz": round(of.goodput_hz, 2), "latest_share": round(of.latest_share, 3),
        "p0_p95_s": round(quantile(of.took_s(*IMPORTANT), 0.95), 3),
        "enterprise_p95_s": round(quantile(of.took_s("enterprise"), 0.95), 3),
        "business_p95_s": round(quantile(of.took_s("business"), 0.95), 3),
        "p0_p50_s": round(quantile(of.took_s(*IMPORTANT), 0.5), 3),
        "refusal_p50_ms": round(1000 * quantile(of.refusals_s(), 0.5), 1),
        "refusal_p99_ms": round(1000 * quantile(of.refusals_s(), 0.99), 1),
        "accept_p99_ms": round(1000 * quantile([a.took_s for a in of.heard.accepted], 0.99), 1),
        "look_p99_ms": round(1000 * quantile([took_s for _, _, took_s in of.heard.looks], 0.99), 1),
        "sent_behind_p99_ms": round(1000 * quantile([a.behind_s for a in of.heard.answers], 0.99), 1),
    }  # fmt: skip
