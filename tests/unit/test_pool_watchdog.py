"""Which workers count as stuck."""

from appliance.pool.inventory import Rules
from appliance.pool.reading import Batch, Reading
from appliance.pool.watchdog import Watchdog

RULES = Rules(hung_base_s=60, hung_per_audio_s=20, silent_s=30, load_s=600)


def reading(*batches, seen=None, scale=1.0):
    return Reading({}, batches, seen if seen is not None else {7: 100.0}, scale)


def batch(running_s, audio_s, claim_s=1.0):
    return Batch(7, ("w", claim_s), "hear", running_s, audio_s)


def stuck(given, now_s=0.0, age_s=1000.0, watchdog=None):
    return (watchdog or Watchdog(RULES)).stuck(given, {7: age_s}, now_s)


def test_a_batch_may_take_a_base_and_a_factor_of_its_audio():
    assert stuck(reading(batch(159.0, 5.0))) == {}
    assert stuck(reading(batch(161.0, 5.0))) == {7: "hung: hear for 161 s with 5 s of audio, 160 s are allowed"}


def test_a_slower_site_allows_more():
    assert stuck(reading(batch(319.0, 5.0), scale=2.0)) == {}
    assert list(stuck(reading(batch(321.0, 5.0), scale=2.0))) == [7]


def test_a_batch_keeps_the_time_of_the_items_that_have_left_it():
    watchdog = Watchdog(RULES)
    stuck(reading(batch(10.0, 40.0)), watchdog=watchdog)
    assert stuck(reading(batch(300.0, 5.0)), watchdog=watchdog) == {}
    assert list(stuck(reading(batch(300.0, 5.0, claim_s=2.0)), watchdog=watchdog)) == [7], "another batch"


def test_a_process_that_stops_reporting_is_stuck_on_the_pools_own_clock():
    watchdog = Watchdog(RULES)
    for now_s, seen_s in ((0.0, 100.0), (20.0, 120.0), (49.0, 120.0)):
        assert stuck(reading(seen={7: seen_s}), now_s, watchdog=watchdog) == {}
    assert stuck(reading(seen={7: 120.0}), 51.0, watchdog=watchdog) == {7: "silent for 31 s"}


def test_the_time_in_which_the_database_was_away_is_nobodys_silence():
    watchdog = Watchdog(RULES)
    stuck(reading(seen={7: 100.0}), 0.0, watchdog=watchdog)
    watchdog.blind()
    assert stuck(reading(seen={7: 100.0}), 60.0, watchdog=watchdog) == {}


def test_a_process_that_never_gets_ready_is_stuck_after_its_loading_time():
    assert stuck(reading(seen={}), age_s=599.0) == {}
    assert stuck(reading(seen={}), age_s=601.0) == {7: "not ready after 601 s"}
