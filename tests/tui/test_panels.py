"""Lines of figures: what is not known is told apart from nothing, and a change from no change."""

import re

import pytest
from msgspec.structs import replace

from appliance.admin.schema import Gpu, History, Language, Point, Quality, Snapshot, Step
from tests.tui import quality_scenes, scenes
from tui.change import CHANGE_WIDTH, change
from tui.fold import fold_pieces
from tui.glyphs import ASCII, plain
from tui.naming import gpu_name
from tui.panels.audit import audit_lines
from tui.panels.cache import window_cache_lines
from tui.panels.gpu import NO_READINGS, gpu_lines, missing_lines
from tui.panels.job import job_lines
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


def cards(number: int, *hosts: str, **reading: object) -> Snapshot:
    """Return so many cards of each host, large ones that draw much and had errors."""
    given = {"memory_used_bytes": 139 * scenes.GIB, "memory_total_bytes": 141 * scenes.GIB, "power_w": 700.0}
    gpus = (
        replace(scenes.gpu(index, 0.5, host=host), **{**given, **reading}) for host in hosts for index in range(number)
    )
    return scenes.snapshot(gpus=tuple(replace(gpu, uuid=f"{gpu.host}-{gpu.index}") for gpu in gpus))


@pytest.mark.parametrize("width", [43, 70, 76, 118])
@pytest.mark.parametrize("number", [1, 4])
@pytest.mark.parametrize("ecc_errors", [0, 12])
def test_cards_of_several_hosts_are_told_apart_with_all_their_figures(width, number, ecc_errors):
    snapshot = cards(number, "gpu-node-1.lan", "gpu-node-2.lan", ecc_errors=ecc_errors)
    trails = {f"gpu-node-{host}.lan-{index}": [0.5] * 9 for host in (1, 2) for index in range(4)}
    lines = texts(gpu_lines(snapshot, trails, width, ASCII))
    named = [line for line in lines if line.startswith("GPU")]

    assert max(map(len, lines)) <= width
    assert len(named) == len({re.split(r" +(util|50%)", line)[0] for line in named}) == 2 * number
    assert all("139.0/141.0G  58C" in line for line in lines if "G " in line)
    assert sum("ECC 12" in line for line in lines) == (2 * number if ecc_errors else 0)
    if width >= 76:
        assert all(
            line.startswith(f"GPU{place % number} gpu-node-{place // number + 1} ") for place, line in enumerate(named)
        )
        assert sum("700W" in line for line in lines) == 2 * number


def test_instances_of_one_card_on_two_hosts_are_told_apart_in_a_narrow_panel():
    gpus = tuple(
        Gpu(host=host, index=0, instance=f"{number}/0", mig="1g.10gb", utilisation=0.5)
        for host in ("node-a.lan", "node-b.lan")
        for number in (1, 2)
    )
    names = {line.split("50%")[0].rstrip() for line in texts(gpu_lines(scenes.snapshot(gpus=gpus), {}, 43, ASCII))}

    assert names == {"GPU0/1/~node-a", "GPU0/2/~node-a", "GPU0/1/~node-b", "GPU0/2/~node-b"}


def test_hosts_go_by_their_first_name_only_where_that_tells_them_apart():
    def names(*hosts: str) -> list[str]:
        snapshot = cards(1, *hosts)
        return [gpu_name(snapshot, gpu) for gpu in snapshot.gpus]

    assert names("a.one", "b.two") == ["GPU0 a", "GPU0 b"]
    assert names("a.one", "a.two") == ["GPU0 a.one", "GPU0 a.two"]
    assert names("10.0.0.1", "11.0.0.1") == ["GPU0 10.0.0.1", "GPU0 11.0.0.1"]
    assert names("a.one") == ["GPU0"]


def test_hosts_that_were_left_out_are_counted():
    snapshot = scenes.snapshot(gpu_hosts=scenes.not_read().gpu_hosts, gpu_hosts_left_out=3)

    assert texts(gpu_lines(snapshot, {}, 60, ASCII))[-1] == "and 3 hosts more without readings"


def test_missing_figures_are_told_by_their_reason():
    assert texts(missing_lines(scenes.eight_gpus())) == ["GPU7: utilisation, power_w: Not Supported"]


@pytest.mark.parametrize("width", [66, 76, 118])
def test_of_a_job_nothing_is_cut_without_a_sign(width):
    languages = (
        Language(language="de", state="needs_review", voice="matched", cached=True, error="result_not_understood"),
        Language(language="fr", state="failed", error="no_route"),
    )
    steps = (
        Step(stage="synthesize", target_language="zh-Hant", state="claimed", worker_id="gpu-node-1.lan:24001:voice-3"),
    )
    lines = texts(job_lines(scenes.job_detail(languages=languages, steps=steps, error="e" * 99), width, ASCII))
    text = "\n".join(lines)

    assert max(map(len, lines)) <= width
    assert "result_not_understood" in text
    assert "no_route" in text
    assert "ee~" in text if width < 110 else "e" * 99 in text
    assert lines[-1].endswith("gpu-node-1.lan:24001:voice-3" if width > 80 else "-3")
    assert "~" in lines[-1]


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
    assert texts(trend_lines(History(window_s=YEARS_S), 78, ASCII)) == ["Nothing was measured in this window."]


def test_bars_show_the_mean_of_each_stretch_and_a_gap_where_nothing_was_measured():
    points = [Point(1_000.0 + at_s, value) for at_s, value in ((-5, 0.4), (10, 0.2), (60, 0.9), (70, None), (99, 0.5))]

    means = over_time(points, 1_100.0, 100.0, 4)
    assert [mean if mean is None else round(mean, 6) for mean in means] == [0.3, None, 0.9, 0.5]
    assert over_time(points, 1_100.0, 100.0, 0) == []


def test_figures_over_time_are_a_line_each_that_fits():
    names = ("wer", "similarity", "cache.l1", "cache.l3")
    lines = texts(trend_lines(quality_scenes.history(YEARS_S, names), 60, ASCII))

    assert [line.split()[0] for line in lines] == ["WER", "alike", "hits", "hits", "pools"]
    assert max(map(len, lines)) == 60
    # The second quarter was not measured; what the pools did is known of all the time.
    assert all("   " in line[28:] for line in lines[:-1])
    assert "   " not in lines[-1][28:]
