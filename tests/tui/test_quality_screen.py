"""Screen 6: a day, a month, two years, each beside the time before, asked for no more often than it can change."""

import asyncio
from functools import partial

import pytest

from appliance.admin import schema
from tests.tui import quality_scenes, scenes
from tests.tui.clock import StoppedClock
from tests.tui.picture_text import picture, press, running
from tests.tui.scripted_source import ScriptedSource
from tui.glyphs import UNICODE, plain
from tui.panels.trend import drawn_of, trend_lines
from tui.source import Outage, SourceError

DAY_S = 86_400.0


def drive(scenario, size=(80, 24), source: ScriptedSource | None = None) -> ScriptedSource:
    given = source or ScriptedSource(scenes.degraded())

    async def run() -> None:
        clock = StoppedClock()
        async with running(given, size, clock=clock) as (app, pilot):
            await press(pilot, "6")
            await scenario(app, partial(press, pilot), given, clock)

    asyncio.run(run())
    return given


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
def test_a_key_goes_from_a_day_to_a_month_to_two_years_and_back(size):
    async def scenario(app, press, source, clock):
        assert "Quality  last 24 h, change since the 24 h before" in picture(app)
        await press("w")
        assert "last 30 d" in picture(app)
        assert " 38k" in picture(app)
        await press("w")
        text = picture(app)
        assert "last 24 months" in text
        assert "310k" in text
        assert "and 3 pairs more" in text
        await press("w")
        assert "last 24 h" in picture(app)

    assert drive(scenario, size).windows == [DAY_S, 30 * DAY_S, 730 * DAY_S]


def test_pairs_voices_and_caches_stand_with_their_changes():
    async def scenario(app, press, source, clock):
        await press("w", "w")
        lines = picture(app).splitlines()
        for words in (
            ("all", "409k", "0.10 ▼ -0.06"),
            ("en>de", "0.07 ▼ -0.04", "0.87 ▲ +0.05"),
            ("en>ja", "0.19 -", "0.72 -"),
            ("matched", "- -", "0.79 ▼ -0.04"),
            ("l3", "21% ▼ -13%", "100k"),
            ("  phrase", "21% ▼ -13%"),
            ("WER", "0.10 ▼ -0.10"),
            ("hits l1", "0.64 ▲ +0.44"),
            ("en>ja WER", "0.19 ▲ +0.09"),
            ("en>de WER", "0.07 ▼ -0.04"),
            ("cloned", "0.84 ▲ +0.04"),
            ("matched", "0.79 ▼ -0.04"),
        ):
            assert any(all(word in line for word in words) for line in lines), (words, "\n".join(lines))

    drive(scenario)


def test_of_pairs_those_with_the_most_errors_are_drawn_over_time_and_of_voices_each_kind():
    pairs = tuple(
        schema.PairQuality(source="en", target=target, wer=wer, spoken=spoken)
        for target, wer, spoken in (
            ("de", 0.05, 50), ("fr", 0.3, 30), ("ja", 0.2, 30), ("tr", None, 30), ("it", 0.1, 90), ("pt", 1.0, 29),
        )
    )  # fmt: skip
    quality = schema.Quality(pairs=pairs, voices=(schema.VoiceQuality(voice="stock"),))
    known = {f"wer.pair.en>{pair.target}" for pair in pairs} | {"wer", "cache.l2", "depth.p0", "similarity.voice.stock"}

    assert drawn_of(known, quality) == (
        "wer", "wer.pair.en>fr", "wer.pair.en>ja", "wer.pair.en>it", "similarity.voice.stock", "cache.l2",
    )  # fmt: skip
    assert drawn_of(known - {"wer.pair.en>fr"}, quality)[1] == "wer.pair.en>ja"


def test_pairs_are_told_apart_where_they_leave_no_room_for_what_is_measured():
    names = ("wer.pair.en>de", "wer.pair.en>zh-Hans", "wer.pair.en>zh-Hant")
    history = schema.History(window_s=100.0, series=tuple(schema.Series(name=name) for name in names))

    starts = [plain(line).split("  ")[0].split(" -")[0] for line in trend_lines(history, 40, UNICODE)]
    assert starts == ["en>de WER", "en>zh-Hans", "en>zh-Hant"]


def scaled(left_out: int, *ago_s: float) -> schema.History:
    scaling = tuple(schema.Event(id=f"pool-{each}", at_s=1_000.0 - each) for each in ago_s)
    return schema.History(server_time_s=1_000.0, window_s=100.0, scaling=scaling, scaling_left_out=left_out)


def test_what_the_pools_did_is_counted_with_when_and_a_gap_where_nobody_knows():
    def line(history):
        return plain(trend_lines(history, 25 + 1 + 10, UNICODE)[-1])

    assert line(scaled(0, 0.0, 15.0, 17.0, 95.0)) == "pools did       4" + " " * 9 + "▅▁▁▁▁▁▁▁█▅"
    assert line(scaled(70, 0.0, 15.0, 17.0, 45.0)) == "pools did      74" + " " * 9 + "     ▅▁▁█▅"


def test_a_window_is_asked_for_again_when_it_can_have_changed_or_when_somebody_asks():
    async def scenario(app, press, source, clock):
        async def pictures(seconds: float) -> None:
            clock.advance(seconds)
            source.tell(scenes.degraded())
            await press()

        await pictures(50.0)
        assert source.windows == [DAY_S]
        await pictures(11.0)
        assert source.windows == [DAY_S] * 2
        await press("r")
        assert source.windows == [DAY_S] * 3
        await press("w")
        await pictures(500.0)
        assert source.windows.count(30 * DAY_S) == 1
        await pictures(101.0)
        assert source.windows.count(30 * DAY_S) == 2

    drive(scenario)


def test_what_is_not_answered_says_why_and_the_day_of_the_picture_stays():
    source = ScriptedSource(scenes.degraded())
    source.qualities = SourceError("Other questions [are] before this one.")

    async def scenario(app, press, source, clock):
        text = picture(app)
        assert "Quality  Other questions [are] before this one." in text
        assert "en>de" in text
        await press("w")
        assert "en>de" not in picture(app)
        assert "Other questions [are] before this one." in picture(app)
        source.qualities = quality_scenes.qualities()
        clock.advance(10.0)
        source.tell(scenes.degraded())
        await press()
        assert "en>de" in picture(app)
        assert "Other questions" not in picture(app)

    drive(scenario, source=source)


def test_nothing_is_asked_for_while_the_appliance_is_gone_or_the_picture_frozen():
    async def scenario(app, press, source, clock):
        await press("space", "w", "r")
        assert source.windows == [DAY_S]
        assert "Not asked for while frozen." in picture(app)
        assert "Asking for it." not in picture(app)
        await press("space")
        assert source.windows == [DAY_S, 30 * DAY_S]
        source.tell(Outage("offline", "No connection.", 4.0))
        await press("w", "r")
        assert len(source.windows) == 2
        assert "Not asked for while the appliance is away." in picture(app)

    drive(scenario)
