"""Lines of figures: what is not known is told apart from nothing, and a change from no change."""

import pytest

from appliance.admin.schema import Point, Quality
from tests.tui import quality_scenes, scenes
from tui.change import CHANGE_WIDTH, change
from tui.fold import fold_pieces
from tui.glyphs import ASCII, plain
from tui.panels.audit import audit_lines
from tui.panels.cache import window_cache_lines
from tui.panels.gpu import NO_READINGS, gpu_lines, missing_lines
from tui.panels.quality import quality_lines
from tui.panels.trend import over_time, trend_lines

YEARS_S = 730 * 86_400.0


def texts(lines) -> list[str]:
    return [plain(line).rstrip() for line in lines]


def test_only_a_host_that_never_had_a_gpu_runs_its_engines_on_the_cpu():
    assert texts(gpu_lines(scenes.not_read(), {}, 60, ASCII)) == [
        "api1: No GPU here (NVML library not found). Engines run on the CPU.",
        "2 GPUs of gpu1 not read for 12m",
        "1 GPU of gpu2 gone: driver not loaded",
    ]
    assert texts(gpu_lines(scenes.snapshot(), {}, 60, ASCII)) == [NO_READINGS]


def test_gpus_that_were_left_out_are_counted():
    snapshot = scenes.snapshot(gpus=scenes.eight_gpus().gpus, gpus_left_out=24)

    assert texts(gpu_lines(snapshot, {}, 60, ASCII))[-1] == "and 24 more"
    assert plain(fold_pieces(snapshot, 78, ASCII)[:1]).startswith("32 GPUs, busiest 75%")


def test_missing_figures_are_told_by_their_reason():
    assert texts(missing_lines(scenes.eight_gpus())) == ["GPU7: utilisation, power_w: Not Supported"]


@pytest.mark.parametrize(("width", "ends"), [(100, "reload (key:7f3a90c1d24b8e65)"), (60, "voice mode~")])
def test_the_audit_says_by_name_who_did_what(width, ends):
    (line,) = texts(audit_lines(scenes.audit_page().entries, scenes.NOW_S, width, ASCII))

    assert line.startswith("07:48:00 anna console.pause synthesize.p1 done: ")
    assert line.endswith(ends)
    assert len(line) <= width


@pytest.mark.parametrize(
    ("scene", "begins"),
    [
        (scenes.no_gpu, "no GPU | p95"),
        (scenes.not_read, "2 GPUs of gpu1 not read for 12m | 1 GPU of gpu2 gone: driver not loaded"),
        (scenes.snapshot, "no GPU readings | p95"),
    ],
)
def test_the_folded_line_tells_no_gpu_from_one_that_is_not_read(scene, begins):
    assert plain(fold_pieces(scene(), 98, ASCII)).startswith(begins)


@pytest.mark.parametrize(
    ("now", "before", "lower_is_better", "piece"),
    [
        (0.21, 0.12, True, (" ^ +0.09", "warn")),
        (0.14, 0.12, True, (" ^ +0.02", "plain")),
        (0.05, 0.12, True, (" v -0.07", "good")),
        (0.90, 0.80, False, (" ^ +0.10", "good")),
        (0.70, 0.80, False, (" v -0.10", "warn")),
        (0.121, 0.12, True, (" =      ", "quiet")),
        (0.2, None, True, (" -      ", "quiet")),
        (None, 0.2, True, (" -      ", "quiet")),
    ],
)
def test_a_change_is_a_sign_and_a_figure_and_warns_from_its_bound_on(now, before, lower_is_better, piece):
    shown = change(now, before, ASCII, bound=0.05, lower_is_better=lower_is_better, figure=True)
    short, tone = change(now, before, ASCII, bound=0.05, lower_is_better=lower_is_better)

    assert shown == piece
    assert len(shown[0]) == CHANGE_WIDTH
    assert (len(short), tone) == (1, piece[1])


@pytest.mark.parametrize("width", [30, 43, 69, 78, 118])
def test_quality_fits_its_width(width):
    for quality in quality_scenes.qualities().values():
        assert max(map(len, texts(quality_lines(quality, max(43, width), ASCII)))) <= max(43, width)


def test_nothing_measured_is_said():
    assert texts(quality_lines(Quality(), 78, ASCII)) == ["Nothing was measured in this window."]
    assert texts(window_cache_lines(Quality(), ASCII)) == ["Nothing was looked up in this window."]
    assert texts(trend_lines(quality_scenes.history(YEARS_S, ()), 78, ASCII)) == [
        "Nothing was measured in this window."
    ]


def test_bars_show_the_mean_of_each_stretch_and_a_gap_where_nothing_was_measured():
    points = [Point(1_000.0 + at_s, value) for at_s, value in ((-5, 0.4), (10, 0.2), (60, 0.9), (70, None), (99, 0.5))]

    means = over_time(points, 1_100.0, 100.0, 4)
    assert [mean if mean is None else round(mean, 6) for mean in means] == [0.3, None, 0.9, 0.5]
    assert over_time(points, 1_100.0, 100.0, 0) == []


def test_figures_over_time_are_a_line_each_that_fits():
    names = ("wer", "similarity", "cache.l1", "cache.l3")
    lines = texts(trend_lines(quality_scenes.history(YEARS_S, names), 60, ASCII))

    assert [line.split()[0] for line in lines] == ["WER", "alike", "hits", "hits"]
    assert max(map(len, lines)) == 60
    # The second quarter was not measured.
    assert all("   " in line[28:] for line in lines)
