"""The rows that a measurement is made beside are what a console finds: a lane, jobs in time and late, dead ones."""

from appliance.admin.dead_letters import Filter, load_dead_letters
from appliance.admin.jobs_page import load_jobs_page
from appliance.admin.lanes import lane_key, load_lanes, load_looks
from appliance.admin.snapshot import Snapshots
from appliance.clock import SystemClock
from appliance.settings import Settings
from appliance.storage.database import Database
from tests.fresh_sqlite import fresh_sqlite
from tests.processes.busy_site import CARDS, IN_HAND, LANE, WORKERS, Size, fill


def test_a_site_is_filled_with_what_a_console_reads(tmp_path):
    database = Database(fresh_sqlite(tmp_path / "meeshy.sqlite3"))
    settings = Settings(data_dir=tmp_path)
    fill(database, Size(audit=50, open=400, ended=100, dead=20))
    with database.read() as connection:
        now_s = database.now_s(connection)
        lanes = load_lanes(connection, settings, now_s, load_looks(connection, now_s))
        page = load_jobs_page(connection, now_s, lane_key(LANE), None, 100, None)
        letters = load_dead_letters(connection, now_s, Filter(stage="hear", priority=1), 100, None)
    snapshot = Snapshots(database, settings, SystemClock()).make()
    database.close()

    (lane,) = [each for each in lanes if each.name == LANE]
    assert (lane.depth, lane.running, lane.dead) == (400 - WORKERS * IN_HAND, WORKERS * IN_HAND, 20)
    assert lane.attainment == 0.9
    assert (page.total, len(page.jobs), letters.count) == (400, 100, 20)
    assert (len(snapshot.workers), len(snapshot.gpus), snapshot.findings.dead) == (WORKERS, CARDS, 20)
    assert snapshot.latency and all(card.utilisation for card in snapshot.gpus)
    pairs = snapshot.quality.pairs
    assert pairs and all(pair.target.startswith("t") and "." not in pair.target and pair.wer for pair in pairs)


def test_a_page_costs_no_more_of_a_long_queue_than_of_a_short_one(tmp_path):
    """In steps of the database's machine: what a console asks for every few seconds may not read all that waits."""
    taken = []
    for open_items in (400, 4000):
        folder = tmp_path / str(open_items)
        database = Database(fresh_sqlite(folder / "meeshy.sqlite3"))
        fill(database, Size(audit=0, open=open_items, ended=0, dead=0))
        with database.read() as connection:
            steps: list[int] = []
            connection.connection.driver_connection.set_progress_handler(lambda steps=steps: steps.append(1), 10)
            load_jobs_page(connection, 0.0, lane_key(LANE), None, 100, None, counted=False)
            connection.connection.driver_connection.set_progress_handler(None, 0)
        database.close()
        taken.append(len(steps))
    assert 100 < taken[1] < 1.2 * taken[0]


def test_a_part_of_a_site_is_smaller_in_everything():
    assert Size().part(0.01) == Size(audit=2_000, open=100, ended=50, dead=2)
