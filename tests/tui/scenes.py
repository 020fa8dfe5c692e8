"""Snapshots of appliances: one that is well, one in trouble, without a GPU, with eight. All at one fixed moment."""

from appliance.admin import schema

NOW_S = 1_800_000_000.0
GIB = 2**30


def lane(stage: str, priority: int, **figures: object) -> schema.Lane:
    return schema.Lane(name=schema.lane_name(stage, priority), stage=stage, priority=priority, **figures)


def calm() -> schema.Snapshot:
    slas = {0: 10.0, 1: 60.0, 2: 3600.0}
    lanes = [
        lane(stage, priority, sla_s=slas[priority], attainment=0.99) for stage in schema.STAGES for priority in slas
    ]
    lanes[0] = lane("hear", 0, sla_s=10.0, attainment=0.99, depth=1, running=2, oldest_wait_s=0.8, oldest_of_sla=0.08)
    return snapshot(
        lanes=tuple(lanes),
        workers=(
            worker("gpu0-w1", "busy", "whisper", schema.Batch(stage="hear", key="hear:short", items=2, age_s=1.2)),
            worker("gpu0-w2", "idle", "voice"),
        ),
        gpus=(gpu(0, 0.42),),
    )


def degraded(**parts: object) -> schema.Snapshot:
    lanes = (
        lane(
            "hear",
            0,
            depth=37,
            running=2,
            overdue=3,
            oldest_wait_s=14.2,
            oldest_of_sla=1.42,
            sla_s=10.0,
            attainment=0.91,
        ),
        lane(
            "hear", 1, depth=112, running=4, oldest_wait_s=21.0, oldest_of_sla=0.35, sla_s=60.0, attainment=0.98, dead=1
        ),
        lane("hear", 2, sla_s=3600.0),
        lane("translate", 0, depth=3, running=1, oldest_wait_s=0.8, oldest_of_sla=0.08, sla_s=10.0, attainment=0.91),
        lane("translate", 1, depth=18, running=2, oldest_wait_s=4.4, oldest_of_sla=0.07, sla_s=60.0, attainment=0.98),
        lane("synthesize", 0, depth=4, running=1, oldest_wait_s=1.1, oldest_of_sla=0.11, sla_s=10.0, attainment=0.91),
        lane(
            "synthesize",
            1,
            state="paused",
            depth=64,
            oldest_wait_s=188.0,
            oldest_of_sla=0.63,
            sla_s=300.0,
            attainment=0.98,
            dead=2,
            paused_ago_s=720.0,
            paused_by="anna",
            paused_reason="voice model reload",
        ),
        lane("finish", 0, sla_s=10.0, attainment=0.91),
        lane("enrol", 2, depth=6, running=1, oldest_wait_s=402.0, oldest_of_sla=0.11, sla_s=3600.0),
    )
    workers = (
        worker("gpu0-w1", "busy", "whisper", schema.Batch(stage="hear", key="hear:short", items=8, age_s=12.0)),
        worker(
            "gpu0-w2",
            "stale",
            "whisper",
            schema.Batch(stage="hear", key="hear:long", items=1, age_s=97.0),
            seen_ago_s=41.0,
        ),
        worker("gpu1-w1", "busy", "voice", schema.Batch(stage="synthesize", key="synthesize:fr", items=4, age_s=3.1)),
        worker(
            "gpu1-w2",
            "draining",
            "voice",
            schema.Batch(stage="synthesize", key="synthesize:de", items=1, age_s=8.0),
            draining=True,
        ),
        worker("cpu-w1", "idle", "all"),
    )
    findings = schema.Findings(
        dead=3,
        attention=(
            schema.Attention(
                figure="disk",
                says="2.1 GiB free of 100.0",
                do="Free some space, or shorten MEESHY_RESULT_TTL_S; below the reserve work stops.",
            ),
        ),
        health=health(disk="low"),
        webhooks=schema.Webhooks(waiting=4, oldest_due_s=12.0, failed=1),
        housekeeping=schema.Housekeeping(last_ago_s=8.0),
    )
    events = (
        event("e4", 11.0, "warning", "job", "hear.p0", "past its SLA of 10 s"),
        event("e3", 41.0, "warning", "pool", "gpu0-w2", "missed its heartbeat"),
        event("e2", 720.0, "info", "action", "synthesize.p1", "paused by anna: voice model reload"),
        event("e1", 830.0, "error", "job", "9f31a2", "failed after 3 attempts: worker_lost"),
    )
    gpus = (gpu(0, 0.87, used=20.1, temperature=71.0), gpu(1, 0.42, used=9.8, temperature=58.0))
    return snapshot(lanes=lanes, workers=workers, findings=findings, events=events, gpus=gpus, **parts)


def no_gpu() -> schema.Snapshot:
    return snapshot(gpu_hosts=(schema.GpuHost(host="box", reason="NVML library not found"),))


def not_read() -> schema.Snapshot:
    """Return a site of which one host has no GPU, one does not read its two, and one has lost its driver."""
    return snapshot(
        gpu_hosts=(
            schema.GpuHost(host="api1", reason="NVML library not found"),
            schema.GpuHost(host="gpu1", state="old", devices=2, reason="no reading for a while", age_s=725.0),
            schema.GpuHost(host="gpu2", state="driver", devices=1, reason="driver not loaded", age_s=1.0),
        )
    )


def eight_gpus() -> schema.Snapshot:
    devices = [gpu(index, index / 8, host="box", used=10.0 * index, total=80.0) for index in range(7)]
    broken = schema.Gpu(
        host="box",
        index=7,
        uuid="GPU-7",
        name="A100",
        utilisation=None,
        memory_used_bytes=5 * GIB,
        age_s=1.0,
        errors=(schema.FieldError("utilisation", "Not Supported"), schema.FieldError("power_w", "Not Supported")),
    )
    return snapshot(gpus=(*devices, broken))


def snapshot(**parts: object) -> schema.Snapshot:
    given = {
        "sequence": 7,
        "server_time_s": NOW_S,
        "version": "0.1.0",
        "site": "box",
        "up_s": 532_800.0,
        "lanes": (lane("hear", 0, sla_s=10.0), lane("translate", 0, sla_s=10.0)),
        "workers": (worker("w1", "idle", "all"),),
        "latency": latency(),
        "caches": (
            schema.CacheLevel(level="l1", kind="answer", hits=64, misses=36, trend=(0.6, 0.62, None, 0.66, 0.64)),
            schema.CacheLevel(level="l3", kind="phrase", hits=0, misses=0),
        ),
        "quality": quality(),
        "rates": schema.Rates(
            jobs_per_minute=14.6, languages_ended=81, languages_failed=1, requests=1_204, refused=3, errors=0
        ),
        "jobs": schema.JobCounts(open=7, done=862, partial=4, failed=2, cancelled=1),
        "findings": schema.Findings(health=health(), housekeeping=schema.Housekeeping(last_ago_s=8.0)),
    }
    return schema.Snapshot(**{**given, **parts})


def health(disk: str = "ok") -> tuple[schema.Health, ...]:
    return (
        schema.Health(part="database", state="ok", says="PostgreSQL answers in 1 ms"),
        schema.Health(part="redis", state="unused", says="no MEESHY_REDIS_URL; workers look for work by themselves"),
        schema.Health(part="object_store", state="ok", says="takes writes"),
        schema.Health(part="disk", state=disk, says="2.1 GiB free of 100.0"),
    )


def latency() -> tuple[schema.StageLatency, ...]:
    figures = {"hear": (0.62, 1.41, 2.90), "translate": (0.08, 0.19, 0.44), "synthesize": (0.51, 1.12, 1.80)}
    stages = [
        schema.StageLatency(
            stage=stage,
            worked=schema.Spread(count=412, p50_s=p50, p95_s=p95, p99_s=p99),
            waited=schema.Spread(count=412, p50_s=0.1, p95_s=2.2, p99_s=9.1),
            trend=(0.2 * p95, 0.4 * p95, None, 0.8 * p95, p95),
        )
        for stage, (p50, p95, p99) in figures.items()
    ]
    total = schema.StageLatency(stage="total", worked=schema.Spread(count=398, p50_s=1.24, p95_s=2.81, p99_s=4.97))
    return (*stages, total)


def quality() -> schema.Quality:
    return schema.Quality(
        spoken=1_240,
        pairs=(
            schema.PairQuality(
                source="en",
                target="de",
                spoken=820,
                spoken_before=790,
                needs_review=12,
                failed=1,
                wer=0.08,
                wer_before=0.08,
                similarity=0.86,
                similarity_before=0.84,
                rating=4.2,
            ),
            schema.PairQuality(
                source="en",
                target="ja",
                spoken=420,
                spoken_before=390,
                needs_review=44,
                wer=0.21,
                wer_before=0.12,
                similarity=0.71,
            ),
        ),
        voices=(schema.VoiceQuality(voice="matched", spoken=900, similarity=0.81, similarity_before=0.80, wer=0.09),),
    )


def worker(name: str, state: str, role: str, *batches: schema.Batch, **more: object) -> schema.Worker:
    given = {"host": "box", "seen_ago_s": 1.4, "up_s": 9_000.0, "slots": 1, "proven": True, "transcriber": "small"}
    return schema.Worker(id=name, state=state, role=role, batches=batches, **{**given, **more})


def gpu(
    index: int,
    utilisation: float,
    *,
    host: str = "box",
    used: float = 9.8,
    total: float = 24.0,
    temperature: float = 58.0,
) -> schema.Gpu:
    return schema.Gpu(
        host=host,
        index=index,
        uuid=f"GPU-{index}",
        name="L4",
        memory_used_bytes=int(used * GIB),
        memory_total_bytes=int(total * GIB),
        utilisation=utilisation,
        temperature_c=temperature,
        power_w=68.0,
        power_limit_w=72.0,
        ecc_errors=0,
        age_s=1.0,
    )


def event(key: str, ago_s: float, severity: str, kind: str, subject: str, text: str) -> schema.Event:
    return schema.Event(
        id=key, at_s=NOW_S - ago_s, ago_s=ago_s, severity=severity, kind=kind, subject=subject, text=text
    )


def item(number: int, **more: object) -> schema.JobLine:
    given = {
        "item_id": f"item-{number}",
        "job_id": f"job-{number:04}",
        "lane": "hear.p0",
        "state": "waiting",
        "application": "messenger",
        "source_language": "en",
        "target_language": "de",
        "audio_s": 12.0,
        "attempts": 0,
        "wait_s": 14.2 - number,
        "slack_s": number - 4.2,
    }
    return schema.JobLine(**{**given, **more})


def jobs_page(first: int = 0, count: int = 6, following: str | None = None) -> schema.JobsPage:
    items = [item(number) for number in range(first, first + count)]
    if first == 0:
        items[0] = item(0, state="running", attempts=1, run_s=1.1, worker_id="gpu0-w1")
    return schema.JobsPage(server_time_s=NOW_S, lane="hear.p0", stage="hear", jobs=tuple(items), next_cursor=following)


def dead_page() -> schema.DeadLettersPage:
    letter = schema.DeadLetter(
        job_id="9f31a2",
        stage="hear",
        priority=1,
        application="messenger",
        source_language="en",
        failed_languages=("de",),
        audio_s=38.0,
        attempts=3,
        error="worker_lost",
        failed_s=NOW_S - 830.0,
        failed_ago_s=830.0,
    )
    return schema.DeadLettersPage(server_time_s=NOW_S, count=1, dead_letters=(letter,))


def job_detail(job_id: str = "job-0001", **more: object) -> schema.JobDetail:
    given = {
        "server_time_s": NOW_S,
        "job_id": job_id,
        "state": "running",
        "application": "messenger",
        "plan": "standard",
        "accepted_s": NOW_S - 14.0,
        "accepted_ago_s": 14.0,
        "sla_s": 10.0,
        "eta_s": 3.0,
        "slack_s": -4.0,
        "audio_s": 12.0,
        "source_language": "en",
        "source_characters": 240,
        "can_cancel": True,
        "languages": (
            schema.Language(
                language="de", state="done", characters=260, spoken_s=13.1, wer=0.05, similarity=0.84, voice="matched"
            ),
            schema.Language(language="fr", state="failed", error="no_route"),
        ),
        "steps": (
            schema.Step(
                item_id="a",
                stage="hear",
                state="done",
                attempts=1,
                created_ago_s=14.0,
                waited_s=2.0,
                worker_id="gpu0-w1",
            ),
            schema.Step(
                item_id="b",
                stage="synthesize",
                state="claimed",
                target_language="de",
                attempts=1,
                created_ago_s=9.0,
                waited_s=1.0,
                worker_id="gpu1-w1",
                lease_s=8.4,
            ),
        ),
    }
    return schema.JobDetail(**{**given, **more})


def audit_page() -> schema.AuditPage:
    entry = schema.AuditEntry(
        id=4,
        at_s=NOW_S - 720.0,
        ago_s=720.0,
        application="anna",
        actor="key:7f3a90c1d24b8e65",
        action="console.pause",
        subject="synthesize.p1",
        result="done",
        reason="voice model reload",
    )
    return schema.AuditPage(server_time_s=NOW_S, entries=(entry,))


def answer() -> schema.ActionAnswer:
    return schema.ActionAnswer(
        action_id="a1", action="pause", subject="hear.p0", state="paused", says="hear.p0 is paused."
    )
