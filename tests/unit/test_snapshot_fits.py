"""A snapshot stays small whatever a site has, and says what it leaves out."""

import msgspec
import pytest

from appliance.admin.fitting import (
    FEWEST_EVENTS,
    FEWEST_GPUS,
    FEWEST_PAIRS,
    FEWEST_WORKERS,
    MOST_BYTES,
    SHORT_REASON,
    SHORT_TEXT,
    fitted,
)
from appliance.admin.quality import worse_first
from appliance.admin.schema import (
    PAIR_COUNT,
    PRIORITIES,
    STAGES,
    Admission,
    Attention,
    Batch,
    CacheLevel,
    Event,
    FieldError,
    Findings,
    Gpu,
    GpuHost,
    Health,
    Housekeeping,
    JobCounts,
    Lane,
    PairQuality,
    Quality,
    Rates,
    Snapshot,
    Spread,
    StageLatency,
    VoiceQuality,
    Webhooks,
    Worker,
    lane_name,
)

GIB = 1 << 30
UNTOLD = "power_w, power_limit_w, ecc_corrected, ecc_uncorrected, utilisation"
TREND = tuple(0.1234 + number for number in range(10))


def instance(number: int, **changes: object) -> Gpu:
    """Return a MIG instance as an A100 tells it."""
    told = {
        "host": "gpu-node-17.example.org", "index": number // 7, "name": "NVIDIA A100-SXM4-40GB MIG 1g.5gb",
        "uuid": f"MIG-{number:08}-1111-4222-8333-444444444444", "instance": f"{number % 7 + 7}/0", "mig": "1g.5gb",
        "memory_used_bytes": 3 * GIB + number, "memory_total_bytes": 5 * GIB - 12345, "age_s": 2.3,
        "errors": (FieldError(UNTOLD, "not supported"),),
    }  # fmt: skip
    return Gpu(**told | changes)


def lanes(reason: str = "") -> tuple[Lane, ...]:
    """Return all lanes under load, paused for this reason."""
    figures = {"depth": 12345, "running": 64, "overdue": 9876, "oldest_wait_s": 1234.567, "oldest_of_sla": 12.3456}
    paused = {"state": "paused", "paused_ago_s": 3456.789, "paused_by": "operations team", "paused_reason": reason}
    return tuple(
        Lane(
            name=lane_name(stage, priority), stage=stage, priority=priority, sla_s=12.5, attainment=0.9312, ended=12345,
            dead=123,
            **figures, **paused if reason else {},
        )
        for stage in STAGES
        for priority in PRIORITIES
    )  # fmt: skip


def findings() -> Findings:
    """Return everything that can be wrong at once, as the report says it."""
    names = ("database", "object_store", "redis", "disk", "living", "overdue", "paused for", "oldest due",
             "disabled destinations", "last round", "failed duties")  # fmt: skip
    do = "Free some space, or shorten MEESHY_RESULT_TTL_S; below the reserve work stops."
    return Findings(
        health=tuple(Health(part=name, state="away", says="says " * 60) for name in names[:4]),
        attention=tuple(Attention(figure=name, says="says " * 60, do=do) for name in names),
        unserved=STAGES, spoken_since_start=False, dead=12345,
        housekeeping=Housekeeping(last_ago_s=123456.7, failed=tuple(f"duty number {n}" for n in range(20))),
        webhooks=Webhooks(
            waiting=12345, oldest_due_s=12345.6, failed=12345, disabled_destinations=123, failing_destinations=123
        ),
    )  # fmt: skip


def large() -> Snapshot:
    """Return a snapshot with as much of everything as there can be."""
    batch = Batch(stage="translate", key="translate:en>fr", items=32, age_s=1.234, audio_s=123.4)
    spread = Spread(count=12345, p50_s=1.2345, p95_s=2.3456, p99_s=3.4567)
    return Snapshot(
        lanes=lanes("why " * 50),
        workers=tuple(
            Worker(
                id=f"worker_{number:024}", host=f"gpu-node-{number}.example.org", pid=12345, state="busy", role="all",
                stages=STAGES, slots=4, batches=(batch,) * 4, seen_ago_s=1.234, up_s=123456.789, proven=True,
                transcriber="faster-whisper large-v3 int8_float16", synthesizer="xtts-v2 2.0.3",
            )
            for number in range(64)
        ),
        gpus=tuple(map(instance, range(32))),
        gpu_hosts=tuple(
            GpuHost(host=f"cpu-node-{number}.example.org", reason="NVML library not found", age_s=3.4)
            for number in range(16)
        ),
        latency=tuple(
            StageLatency(stage=stage, worked=spread, waited=spread, trend=TREND) for stage in ("total", *STAGES)
        ),
        caches=tuple(CacheLevel(level="l2", kind=f"kind {n}", hits=12345, misses=678, trend=TREND) for n in range(15)),
        quality=Quality(
            pairs=tuple(
                PairQuality(
                    source="en", target=f"t{number}", spoken=12345, spoken_before=12345, needs_review=12, failed=3,
                    wer=0.1234, similarity=0.7891, rating=4.321, wer_before=0.1233, similarity_before=0.7812,
                    wer_of=12345, wer_of_before=12345, similarity_of=12345, similarity_of_before=12345,
                )
                for number in range(12)
            ),
            voices=tuple(
                VoiceQuality(
                    voice=voice, spoken=12345, spoken_before=12345, similarity=0.1234, similarity_before=0.1234,
                    wer=0.1234, wer_before=0.1234,
                )
                for voice in ("stock", "matched", "cloned")
            ),
            spoken=123456, spoken_before=123456, wer=0.1234, wer_before=0.1234, similarity=0.1234,
            similarity_before=0.1234, pairs_left_out=88,
        ),
        rates=Rates(
            jobs_per_minute=1234.5, languages_ended=123456, languages_failed=123456, requests=123456, refused=123456,
            errors=123456, admission=tuple(Admission(priority=n, admitted=12345, refused=12345) for n in PRIORITIES),
        ),
        jobs=JobCounts(open=123456, done=123456, partial=123456, failed=123456, cancelled=123456),
        events=tuple(
            Event(id=f"audit-{number}", at_s=1.8e9, ago_s=1.234, kind="action", subject="hear.p0", text="text " * 60)
            for number in range(30)
        ),
        findings=findings(), workers_left_out=9999, gpus_left_out=999, gpu_hosts_left_out=999,
        sequence=1800000000000, server_time_s=1800000000.123, up_s=12345678.9, site="api-node-1.example.org",
    )  # fmt: skip


def size(snapshot: Snapshot) -> int:
    return len(msgspec.json.encode(snapshot))


def test_32_mig_instances_and_15_paused_lanes_fit_and_all_lanes_are_told():
    shown = fitted(Snapshot(lanes=lanes("why " * 50), gpus=tuple(map(instance, range(32)))))
    assert size(shown) <= MOST_BYTES
    assert [lane.name for lane in shown.lanes] == [lane.name for lane in lanes()]
    assert len(shown.gpus) + shown.gpus_left_out == 32


def test_as_much_of_everything_as_there_can_be_fits():
    shown = fitted(large())
    assert size(shown) <= MOST_BYTES < size(large())
    assert (len(shown.events), len(shown.workers)) == (FEWEST_EVENTS, FEWEST_WORKERS)
    assert shown.workers_left_out == 9999 + 64 - FEWEST_WORKERS
    assert len(shown.gpus) >= FEWEST_GPUS and len(shown.gpus) + shown.gpus_left_out == 999 + 32
    assert {len(lane.paused_reason or "") for lane in shown.lanes} == {SHORT_REASON}
    assert len(shown.quality.pairs) + shown.quality.pairs_left_out == 88 + 12
    told = shown.findings
    assert [each.figure for each in told.attention] == [each.figure for each in findings().attention]
    assert {(len(each.says), each.do) for each in told.attention} == {(SHORT_TEXT, "")}
    assert (told.unserved, told.housekeeping) == (STAGES, findings().housekeeping)


def test_a_lost_card_and_why_it_is_lost_are_told_before_all_others():
    lost = instance(31, lost="GPU is lost")
    shown = fitted(msgspec.structs.replace(large(), gpus=(lost, *map(instance, range(31)))))
    assert shown.gpus[0] == lost
    assert {gpu.errors for gpu in shown.gpus[1:]} == {()}


def test_a_silent_worker_is_told_whatever_there_is_no_room_for():
    silent = Worker(id="silent", state="stale", seen_ago_s=300.0)
    full = large()
    shown = fitted(msgspec.structs.replace(full, workers=(silent, *full.workers[1:])))
    assert len(shown.workers) == FEWEST_WORKERS
    assert shown.workers[0] == silent


def test_a_pair_that_got_worse_is_told_whatever_there_is_no_room_for():
    full = large()
    worse = msgspec.structs.replace(full.quality.pairs[-1], wer_of=PAIR_COUNT, wer=0.9)
    pairs = tuple(sorted((*full.quality.pairs[:-1], worse), key=worse_first))
    shown = fitted(msgspec.structs.replace(full, quality=msgspec.structs.replace(full.quality, pairs=pairs)))
    assert len(shown.quality.pairs) == FEWEST_PAIRS
    assert shown.quality.pairs[0] == worse


@pytest.mark.parametrize("snapshot", [Snapshot(), Snapshot(lanes=lanes("short"), gpus=(instance(0),))])
def test_what_fits_is_told_whole(snapshot):
    assert fitted(snapshot) == snapshot
