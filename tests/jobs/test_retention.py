"""What is kept only for a time goes part by part, however much is due, and never what somebody holds or needs."""

from types import SimpleNamespace

import pytest
import sqlalchemy as sa

from appliance.housekeeping import ended_jobs
from appliance.housekeeping.duties import Duty
from appliance.housekeeping.house import Outcome
from appliance.housekeeping.rounds import Rounds
from appliance.jobs.locks import hold_jobs
from appliance.owner import Owner
from appliance.storage.tables import jobs
from appliance.telemetry.metrics import Metrics
from tests.jobs.test_duties import DAY_S, do, house, rows
from tests.jobs.test_duties import bench as bench


@pytest.mark.parametrize(("name", "left"), [("recordings", 451), ("results", 0)])
def test_more_than_one_part_goes_in_one_round(bench, name, left, monkeypatch):
    monkeypatch.setattr(ended_jobs, "LONGEST_S", 3600.0)
    bench.submit("good morning", "fr")
    bench.run()
    with bench.database.write() as connection:
        row = dict(connection.execute(sa.select(jobs)).mappings().one())
        began_s = row["finished_s"]
        copies = [
            row | {"id": f"job_{n}", "audio": {**row["audio"], "pcm": f"pcm/0a/{n}"}, "finished_s": began_s + n}
            for n in range(450)
        ]
        connection.execute(sa.insert(jobs), copies)
    for copy in copies:
        bench.objects.put(copy["audio"]["pcm"], b"samples")
    bench.clock.advance(8 * DAY_S)
    assert do(bench, name, dry_run=True) == Outcome(found=451, done=0)
    assert do(bench, name) == Outcome(found=451, done=451)
    assert (rows(bench, jobs), [found for found in bench.stored() if found.startswith("pcm/")]) == (left, [])


def test_a_recording_that_a_younger_job_took_up_stays(bench):
    old = bench.submit("good morning", "fr")
    bench.run()
    with bench.database.write() as connection:
        row = dict(connection.execute(sa.select(jobs)).mappings().one())
        young = {"id": "job_young", "finished_s": row["finished_s"] + 2 * DAY_S}
        connection.execute(sa.insert(jobs).values(row | young))
        # Of another user's recording of the same name nothing is known here: no two have one.
        connection.execute(sa.insert(jobs).values(row | young | {"id": "job_other", "user_id": "somebody else"}))
    bench.clock.advance(1.5 * DAY_S)
    assert do(bench, "recordings") == Outcome(found=1, done=1)
    assert old.audio.pcm in bench.stored()
    bench.clock.advance(2 * DAY_S)
    assert do(bench, "recordings") == Outcome(found=2, done=2)
    assert old.audio.pcm not in bench.stored()


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_job_that_somebody_holds_keeps_its_recording_until_the_next_round(bench):
    held, free = (bench.submit(text, "fr", owner=Owner("app", text)) for text in ("held", "free"))
    bench.run()
    bench.clock.advance(2 * DAY_S)
    with bench.database.write() as connection:
        hold_jobs(connection, [held.id])
        assert do(bench, "recordings") == Outcome(found=2, done=1)
    assert (held.audio.pcm in bench.stored(), free.audio.pcm in bench.stored()) == (True, False)
    assert do(bench, "recordings") == Outcome(found=1, done=1)


def test_parts_end_when_their_time_is_over(bench, clock):
    begins = []

    def part(after_s):
        begins.append(after_s)
        clock.advance(ended_jobs.LONGEST_S / 2)
        return [SimpleNamespace(finished_s=float(len(begins)))] * 3

    assert ended_jobs.in_parts(house(bench), part, at_once=3, monotonic_s=clock.monotonic_s) == 6
    assert begins == [0.0, 1.0]


def test_a_duty_that_left_something_is_due_again_in_the_next_round(bench, clock):
    left = {"much": 25, "stuck": 10}

    def some(name, at_once):
        def do(house):
            found, left[name] = left[name], left[name] - min(at_once, left[name])
            return Outcome(found=found, done=found - left[name])

        return do

    duties = {
        "much": Duty(some("much", 10), goes_on=True),
        "stuck": Duty(some("stuck", 0), goes_on=True),
        "slow": Duty(some("much", 0)),
    }
    rounds = Rounds(house(bench), clock, Metrics(), duties)
    assert [list(rounds()) for _ in range(4)] == [["much", "stuck", "slow"], ["much"], ["much"], []]
    assert left["much"] == 0
