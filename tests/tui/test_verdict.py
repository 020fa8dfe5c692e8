"""The verdict: what is wrong, worst first, from one snapshot alone."""

import pytest

from appliance.admin import schema
from tests.tui import scenes
from tui.glyphs import ASCII, UNICODE, plain
from tui.naming import gpu_key
from tui.remedies import REMEDIES
from tui.screen_keys import SCREEN_KEYS
from tui.source import Outage
from tui.verdict import Severity, host_trouble, verdict, worst
from tui.verdict_line import verdict_pieces
from tui.versions import Incomplete


def texts(snapshot: schema.Snapshot) -> list[str]:
    return [finding.text for finding in verdict(snapshot)]


def well(**parts: object) -> schema.Snapshot:
    return scenes.snapshot(quality=schema.Quality(), **parts)


def test_an_appliance_that_is_well_has_no_findings():
    assert verdict(well()) == []
    assert worst([]) is None


def test_every_finding_says_what_to_do_and_which_key_opens_its_screen():
    snapshots = [
        scenes.degraded(), scenes.not_read(), failing(), scenes.snapshot(quality=worse_quality()),
        well(gpus=(schema.Gpu(host="box", index=0, lost="gone", ecc_errors=1, temperature_c=90.0),)),
        well(gpus=(schema.Gpu(host="box", index=0, memory_used_bytes=99, memory_total_bytes=100),)),
        well(findings=schema.Findings(unserved=("hear",), spoken_since_start=False)),
        well(schema="1.9"), well(schema="0.9"), Incomplete(not_told=("workers",)),
    ]  # fmt: skip
    findings = [finding for snapshot in snapshots for finding in verdict(snapshot, -60.0)]

    assert {finding.kind for finding in findings} == {*REMEDIES, "attention"}
    assert all(finding.do.endswith(".") and finding.screen in SCREEN_KEYS for finding in findings)
    assert all(len({finding.id for finding in verdict(each)}) == len(verdict(each)) for each in snapshots)


@pytest.mark.parametrize(
    ("skew_s", "told"),
    [
        (4.9, []),
        (-4.9, []),
        (3600.0, ["the appliance's clock is 1h 00m ahead of this machine's"]),
        (-90.0, ["the appliance's clock is 90s behind this machine's"]),
    ],
)
def test_clocks_that_are_apart_are_told_with_which_is_behind_and_are_no_fault(skew_s, told):
    findings = verdict(well(), skew_s)

    assert [finding.text for finding in findings] == told
    assert plain(verdict_pieces(findings, None, 78, ASCII)).startswith("+ WELL")


@pytest.mark.parametrize(
    ("version", "told"),
    [
        (schema.SCHEMA, []),
        ("1.9", ["the appliance is newer than this console (1.9, not 1.0)"]),
        ("0.9", ["the appliance is older than this console (0.9, not 1.0)"]),
    ],
)
def test_another_version_that_can_be_read_is_told_and_no_fault(version, told):
    findings = verdict(well(schema=version))

    assert [finding.text for finding in findings] == told
    assert plain(verdict_pieces(findings, None, 78, ASCII)).startswith("+ WELL")


def test_an_appliance_that_does_not_tell_all_is_not_called_well():
    findings = verdict(Incomplete(not_told=("workers", "findings")))

    assert [(each.severity, each.text) for each in findings] == [
        (Severity.WARN, "not told, so not judged: workers, findings")
    ]


def test_what_the_appliance_says_to_do_is_told_in_its_words():
    (disk,) = [finding for finding in verdict(scenes.degraded()) if finding.key == "disk"]

    assert (disk.text, disk.screen) == ("disk: 2.1 GiB free of 100.0", "verdict")
    assert disk.do.startswith("Free some space, or shorten")


def test_work_past_its_deadline_is_told_once_with_the_lane_and_the_appliances_advice():
    overdue = schema.Findings(attention=(schema.Attention(figure="overdue", says="3 waiting", do="Add workers."),))
    late = scenes.lane("hear", 0, oldest_wait_s=9.0, oldest_of_sla=1.4, depth=3, overdue=3)

    assert [(each.text, each.do) for each in verdict(well(findings=overdue, lanes=(late,)))] == [
        ("hear.p0 waits 9.0s, 140% of SLA", "Add workers.")
    ]
    assert [(each.text, each.screen) for each in verdict(well(findings=overdue))] == [("3 waiting", "queues")]


def test_a_pause_that_may_be_forgotten_is_told_once_with_its_lane_and_needs_a_look():
    says = "paused for more than an hour: hear.p0"
    asked = schema.Findings(attention=(schema.Attention(figure="paused for", says=says, do="Resume it."),))
    long, short = (
        scenes.lane("hear", priority, state="paused", paused_ago_s=ago_s)
        for priority, ago_s in ((0, 7_200.0), (1, 60.0))
    )

    assert [(each.severity, each.text, each.do) for each in verdict(well(findings=asked, lanes=(long, short)))] == [
        (Severity.WARN, "hear.p0 paused 2h 00m", "Resume it."),
        (Severity.NOTE, "hear.p1 paused 60s", REMEDIES["paused"]),
    ]
    assert [(each.text, each.screen) for each in verdict(well(findings=asked))] == [(says, "queues")]


def failing() -> schema.Snapshot:
    """Return an appliance that refuses a part and fails at another, and is well in all else."""
    shut = schema.Admission(priority=0, refused=150)
    return well(rates=schema.Rates(requests=200, refused=150, errors=12, admission=(shut,)))


@pytest.mark.parametrize(
    ("rates", "told"),
    [
        (schema.Rates(), []),
        (schema.Rates(requests=20, refused=20), [(Severity.WARN, "100% of requests refused in 5m")]),
        (schema.Rates(requests=19, refused=19), []),
        (schema.Rates(requests=1_000, refused=49), []),
        (schema.Rates(requests=1_000, refused=50), [(Severity.WARN, "5% of requests refused in 5m")]),
        (schema.Rates(requests=1_000, errors=1), [(Severity.WARN, "1 request failed in 5m")]),
        (schema.Rates(requests=1_000, errors=50), [(Severity.BAD, "50 requests failed in 5m")]),
        (schema.Rates(requests=4, errors=4), [(Severity.WARN, "4 requests failed in 5m")]),
    ],
)
def test_an_appliance_that_refuses_or_fails_what_is_asked_is_not_well(rates, told):
    assert [(finding.severity, finding.text) for finding in verdict(well(rates=rates))] == told


@pytest.mark.parametrize(
    ("admission", "told"),
    [
        ([(0, 0, 3)], ["all 3 of p0 refused in 5m"]),
        ([(0, 0, 2)], []),
        ([(0, 1, 40)], []),
        ([(0, 30, 0), (2, 0, 3)], ["all 3 of p2 refused in 5m"]),
        ([(0, 0, 4), (1, 0, 9)], ["all 4 of p0 refused in 5m", "all 9 of p1 refused in 5m"]),
    ],
)
def test_a_priority_that_is_refused_entirely_is_told_however_few_they_are_among_all(admission, told):
    refused = tuple(schema.Admission(priority=each[0], admitted=each[1], refused=each[2]) for each in admission)
    found = verdict(well(rates=schema.Rates(requests=100_000, refused=50, admission=refused)))

    assert [finding.text for finding in found] == told
    assert {(finding.severity, finding.screen, finding.do) for finding in found} <= {
        (Severity.WARN, "queues", REMEDIES["closed"])
    }


def test_findings_come_worst_first():
    severities = [finding.severity for finding in verdict(scenes.degraded())]

    assert severities == sorted(severities, reverse=True)
    assert texts(scenes.degraded())[0] == "hear.p0 waits 14s, 142% of SLA"


@pytest.mark.parametrize(
    ("of_sla", "severity"), [(None, None), (0.99, None), (1.0, None), (1.01, Severity.WARN), (2.5, Severity.BAD)]
)
def test_a_lane_is_told_when_its_oldest_item_is_past_its_sla(of_sla, severity):
    lane = scenes.lane("hear", 0, oldest_wait_s=9.0, oldest_of_sla=of_sla, depth=1)

    assert worst(verdict(well(lanes=(lane,)))) == severity


def test_the_share_in_time_is_told_once_for_all_lanes_of_a_priority():
    lanes = tuple(scenes.lane(stage, 0, attainment=0.91) for stage in schema.STAGES)

    assert texts(well(lanes=lanes)) == ["p0 91% in time"]


@pytest.mark.parametrize(("ended", "told"), [(19, []), (20, ["p0 0% in time"])])
def test_the_share_in_time_is_told_of_a_priority_of_which_twenty_jobs_or_more_ended(ended, told):
    lanes = (scenes.lane("hear", 0, attainment=0.0, ended=ended), scenes.lane("hear", 1, attainment=1.0, ended=1_000))

    assert texts(well(lanes=lanes, jobs=schema.JobCounts(done=1_000 + ended))) == told


@pytest.mark.parametrize(("ended", "told"), [(19, []), (20, ["p0 0% in time"])])
def test_of_an_appliance_that_does_not_tell_how_many_of_a_priority_ended_those_of_all_count(ended, told):
    lanes = (scenes.lane("hear", 0, attainment=0.0),)

    assert texts(well(lanes=lanes, jobs=schema.JobCounts(done=ended - 2, failed=1, partial=1))) == told


@pytest.mark.parametrize(
    ("of_sla", "told"), [(None, "hear.p0 pausing by anna 12s"), (14.0, "hear.p0 pausing by anna 12s, 1400% of SLA")]
)
def test_a_pause_is_told_but_is_no_fault_however_late_it_makes_the_work(of_sla, told):
    lane = scenes.lane(
        "hear", 0, state="pausing", paused_by="anna", paused_ago_s=12.0, oldest_of_sla=of_sla, attainment=0.2, depth=9
    )
    findings = verdict(well(lanes=(lane,)))

    assert [finding.text for finding in findings] == [told, "p0 20% in time"]
    assert worst(findings) == Severity.NOTE


def test_a_pause_excuses_no_other_lane():
    paused = scenes.lane("hear", 2, state="paused", attainment=0.2)
    late = scenes.lane("translate", 0, oldest_of_sla=1.5, attainment=0.2)
    findings = verdict(well(lanes=(paused, late)))

    assert [(finding.severity, finding.text) for finding in findings] == [
        (Severity.WARN, "translate.p0 waits -, 150% of SLA"),
        (Severity.WARN, "p0 20% in time"),
        (Severity.NOTE, "hear.p2 paused -"),
        (Severity.NOTE, "p2 20% in time"),
    ]


def test_stages_that_nobody_takes_are_the_worst_thing():
    findings = verdict(well(findings=schema.Findings(unserved=("hear", "enrol"), dead=4)))

    assert [finding.text for finding in findings] == ["no living worker takes hear, enrol", "4 dead letters"]
    assert findings[0].severity == Severity.BAD


def test_what_the_appliance_asks_for_is_told_once():
    attention = (
        schema.Attention(figure="living", says="no living worker takes: hear"),
        schema.Attention(figure="database", says="the database does not answer"),
        schema.Attention(figure="webhooks", says="a webhook is due for 10 min"),
    )
    findings = verdict(well(findings=schema.Findings(attention=attention, unserved=("hear",))))

    assert [(finding.severity, finding.text) for finding in findings] == [
        (Severity.BAD, "the database does not answer"),
        (Severity.BAD, "no living worker takes hear"),
        (Severity.WARN, "a webhook is due for 10 min"),
    ]


@pytest.mark.parametrize(
    ("reading", "text"),
    [
        ({"temperature_c": 85.0}, None),
        ({"temperature_c": 86.0}, "GPU0 86 degrees"),
        ({"memory_used_bytes": 98, "memory_total_bytes": 100}, "GPU0 memory 98%"),
        ({"ecc_errors": 2}, "GPU0 2 ECC errors"),
        ({"lost": "fallen off the bus"}, "GPU0 lost: fallen off the bus"),
        ({"ecc_errors": None, "temperature_c": None, "age_s": None}, None),
    ],
)
def test_a_gpu_is_told_by_what_was_read_of_it(reading, text):
    gpu = schema.Gpu(host="box", index=0, uuid="GPU-0", **reading)

    assert texts(well(gpus=(gpu,))) == ([text] if text else [])


def test_gpus_that_are_not_read_any_more_need_a_look_and_a_host_without_any_does_not():
    findings = verdict(well(gpu_hosts=scenes.not_read().gpu_hosts))

    assert {finding.severity for finding in findings} == {Severity.WARN}
    assert [(finding.screen, finding.text) for finding in findings] == [
        ("gpu", "2 GPUs of gpu1 not read for 12m"),
        ("gpu", "1 GPU of gpu2 gone: driver not loaded"),
    ]


@pytest.mark.parametrize(
    ("host", "told"),
    [
        (schema.GpuHost(host="a", reason="no GPU"), None),
        (schema.GpuHost(host="a", state="driver", reason="driver too old"), "GPU driver of a: driver too old"),
        (
            schema.GpuHost(host="a", state="fewer", devices=1, reason="it told 8 before"),
            "1 GPU of a missing: it told 8 before",
        ),
        (schema.GpuHost(host="a", state="asleep", devices=3, reason="at night"), "3 GPUs of a asleep: at night"),
    ],
    ids=["none", "a driver that never told any", "a card that was taken out", "a state of a newer appliance"],
)
def test_a_host_that_tells_of_no_gpu_says_why(host, told):
    assert host_trouble(host) == told


def test_instances_of_one_card_are_told_apart():
    gpus = tuple(schema.Gpu(host="a", index=0, instance=f"{number}/0", mig="1g.5gb", ecc_errors=1) for number in (1, 2))

    assert texts(well(gpus=gpus)) == ["GPU0/1/0 1g.5gb 1 ECC errors", "GPU0/2/0 1g.5gb 1 ECC errors"]
    assert len({gpu_key(gpu) for gpu in gpus}) == 2


def test_gpus_of_several_hosts_are_told_apart():
    gpus = (scenes.gpu(0, 0.1, host="a"), scenes.gpu(0, 0.1, host="b", temperature=95.0))

    assert texts(well(gpus=gpus)) == ["GPU0 b 95 degrees"]


@pytest.mark.parametrize(("now", "before", "told"), [(29, 30, False), (30, 29, False), (30, 30, True)])
def test_a_pair_that_got_worse_is_told_where_enough_was_measured_in_both_windows(now, before, told):
    wers = schema.PairQuality(
        source="en", target="ja", spoken=900, spoken_before=900, wer=0.21, wer_before=0.12,
        wer_of=now, wer_of_before=before,
    )  # fmt: skip
    voices = schema.PairQuality(
        source="en", target="fr", spoken=900, spoken_before=900, similarity=0.7, similarity_before=0.8,
        similarity_of=now, similarity_of_before=before,
    )  # fmt: skip

    assert texts(scenes.snapshot(quality=schema.Quality(pairs=(wers, voices)))) == (
        ["en>fr similarity 0.70, was 0.80", "en>ja WER 0.21, was 0.12"] if told else []
    )


@pytest.mark.parametrize(("now", "before", "told"), [(29, 30, False), (30, 29, False), (30, 30, True)])
def test_of_an_appliance_that_does_not_tell_how_many_were_measured_those_spoken_count(now, before, told):
    pair = schema.PairQuality(source="en", target="ja", spoken=now, spoken_before=before, wer=0.21, wer_before=0.12)

    assert texts(scenes.snapshot(quality=schema.Quality(pairs=(pair,)))) == (
        ["en>ja WER 0.21, was 0.12"] if told else []
    )


def test_a_lower_error_rate_is_no_finding():
    pair = schema.PairQuality(source="en", target="ja", spoken=900, spoken_before=900, wer=0.1, wer_before=0.3)

    assert verdict(scenes.snapshot(quality=schema.Quality(pairs=(pair,)))) == []


def worse_quality() -> schema.Quality:
    pair = schema.PairQuality(
        source="en",
        target="ja",
        spoken=90,
        spoken_before=90,
        wer=0.2,
        wer_before=0.1,
        similarity=0.7,
        similarity_before=0.8,
    )
    return schema.Quality(pairs=(pair,))


@pytest.mark.parametrize("width", [20, 28, 40, 60, 78, 118, 198])
@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
def test_the_line_stays_within_the_terminal_and_counts_what_it_leaves_out(width, glyphs):
    findings = verdict(scenes.degraded())
    line = plain(verdict_pieces(findings, None, width, glyphs))

    assert len(line) <= width
    shown = sum(finding.text in line for finding in findings)
    assert shown == len(findings) or f"+{len(findings) - max(1, shown)} more" in line
    assert ("more [v]" in line) is (shown < len(findings) and width > 28)


@pytest.mark.parametrize(
    ("width", "begins"),
    [(78, "! DEGRADED  hear.p0 waits 14s, 142% of SLA [2]; p0"), (40, "! DEGRADED  hear.p0 wai~ [2] +6 more [v]")],
)
def test_the_worst_finding_stands_with_the_key_of_its_screen(width, begins):
    assert plain(verdict_pieces(verdict(scenes.degraded()), None, width, ASCII)).startswith(begins)


@pytest.mark.parametrize("width", [20, 40, 60, 78, 118])
def test_where_no_picture_comes_the_line_says_so_before_all_else_and_nothing_in_it_is_green(width):
    pieces = verdict_pieces([], None, width, ASCII, silent_s=47.0)

    assert plain(pieces).startswith("! No picture for 47s."[:19])
    assert len(plain(pieces)) <= width
    assert {tone for _, tone in pieces} == {"warn", "quiet"}
    assert plain(verdict_pieces(verdict(scenes.degraded()), None, 78, ASCII, 47.0)).startswith(
        "! No picture for 47s. Before: ! DEGRADED  hear.p0"
    )


def test_the_line_of_an_appliance_that_is_well_says_so():
    assert plain(verdict_pieces([], None, 78, ASCII)) == "+ WELL  Nothing needs attention."


def test_during_an_outage_the_line_is_its_reason():
    outage = Outage("refused", "401: no such key.")

    assert plain(verdict_pieces(verdict(scenes.degraded()), outage, 78, ASCII)) == "401: no such key."


def test_before_the_first_picture_the_line_says_that_it_waits():
    assert plain(verdict_pieces(None, None, 78, ASCII)) == "Waiting for the first picture."
