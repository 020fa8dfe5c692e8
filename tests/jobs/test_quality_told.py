"""Pairs of languages as quality tells them on both databases: in which order, and how many each mean is of."""

from appliance.admin.quality import MOST_PAIRS, load_quality, worse_first
from appliance.admin.quality_types import PAIR_COUNT
from appliance.admin.snapshot import Snapshots
from appliance.history.steps import DAY_S
from appliance.history.writing import write_history
from appliance.telemetry.tally import Tally


def spoken(bench, **pairs):
    """Let so many be spoken of each pair, so many of them with a WER, and that their mean."""
    tally = Tally()
    for pair, (count, measured, wer) in pairs.items():
        name = f"pair.{pair.replace('_', '>')}"
        tally.count(f"spoken.{name}", count)
        tally.count(f"wer.{name}.sum", measured * wer)
        tally.count(f"wer.{name}.of", measured)
    tally.tell(bench.database)
    with bench.database.write() as connection:
        write_history(connection, bench.clock.now_s())


def pairs(bench, **how):
    with bench.rows() as rows:
        return load_quality(rows, bench.clock.now_s(), **how).pairs


def test_a_pair_that_got_worse_is_told_first_where_few_are(bench):
    spoken(bench, en_fr=(900, 900, 0.1), en_de=(800, 800, 0.1), en_ja=(PAIR_COUNT, PAIR_COUNT, 0.1))
    bench.clock.advance(DAY_S)
    spoken(bench, en_fr=(900, 900, 0.1), en_de=(800, 800, 0.1), en_ja=(PAIR_COUNT, PAIR_COUNT, 0.3))
    assert [pair.target for pair in pairs(bench, most_pairs=2)] == ["fr", "de"]
    assert [pair.target for pair in pairs(bench, most_pairs=2, order=worse_first)] == ["ja", "fr"]


def test_a_snapshot_tells_first_what_got_worse(bench):
    many = {f"en_t{number}": (900, 900, 0.1) for number in range(MOST_PAIRS)}
    spoken(bench, **many, en_ja=(PAIR_COUNT, PAIR_COUNT, 0.1))
    bench.clock.advance(DAY_S)
    spoken(bench, **many, en_ja=(PAIR_COUNT, PAIR_COUNT, 0.3))
    quality = Snapshots(bench.database, bench.settings, bench.clock).make().quality
    assert (quality.pairs[0].target, len(quality.pairs), quality.pairs_left_out) == ("ja", MOST_PAIRS, 1)


def test_each_mean_says_of_how_many_it_is_in_either_window(bench):
    spoken(bench, en_fr=(40, 7, 0.1))
    bench.clock.advance(DAY_S)
    spoken(bench, en_fr=(50, 9, 0.1))
    (pair,) = pairs(bench)
    assert (pair.spoken, pair.wer_of, pair.wer_of_before) == (50, 9, 7)
    assert (pair.similarity_of, pair.similarity_of_before) == (0, 0)
