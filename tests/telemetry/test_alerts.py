"""Each alert rule fires when it should and not before, tried by promtool; none fires while all is well."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from tests.services import needed

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "appliance/telemetry/prometheus/alerts.yml"
DOCUMENT = ROOT / "docs/metrics.md"


class Case(NamedTuple):
    """Series a minute apart, in promtool's notation; when nothing fires yet, when the alert does, and its labels."""

    series: dict[str, str]
    quiet: str
    fires: str
    labels: dict[str, str]


GIB = 1 << 30
GPU = 'node="a",gpu="3",mig=""'
API = {"instance": "api:8000", "job": "meeshy-api"}
OF_API = 'instance="api:8000",job="meeshy-api"'
MACHINE = {"instance": "10.0.0.11:9100", "job": "machines"}
OF_MACHINE = 'instance="10.0.0.11:9100",job="machines"'
DAY_S = 86_400

CASES: dict[str, Case] = {
    "MeeshyApiDown": Case({f"up{{{OF_API}}}": "1x5 0x5"}, "5m", "8m", API),
    "MeeshyDatabaseAway": Case({f"meeshy_database_up{{{OF_API}}}": "1x5 0x5"}, "5m", "8m", API),
    "MeeshyCertificateEnds": Case(
        # promtool's time begins at 0.
        {
            f'meeshy_certificate_end_timestamp_seconds{{certificate="edge",{OF_MACHINE}}}': f"{30 * DAY_S + 300}x20",
            f'meeshy_certificate_end_timestamp_seconds{{certificate="authority",{OF_MACHINE}}}': f"{366 * DAY_S}x20",
        },
        "5m",
        "6m",
        MACHINE | {"certificate": "edge"},
    ),
    "MeeshyCertificateEnded": Case(
        {
            f'meeshy_certificate_end_timestamp_seconds{{certificate="database",{OF_MACHINE}}}': "4200x20",
            f'meeshy_certificate_end_timestamp_seconds{{certificate="edge",{OF_MACHINE}}}': "7200x20",
        },
        "10m",
        "11m",
        MACHINE | {"certificate": "database"},
    ),
    "MeeshyCertificatesUnread": Case(
        {f"meeshy_certificates_read_timestamp_seconds{{{OF_MACHINE}}}": "0x1500"}, "24h", "24h10m", MACHINE
    ),
    "MeeshyNoWorker": Case(
        {
            'meeshy_workers{family="hear",state="taking"}': "1x5 0x10",
            # An operator drained the last one.
            'meeshy_workers{family="hear",state="draining"}': "0x5 1x10",
            'meeshy_workers{family="finish",state="taking"}': "1x15",
        },
        "7m",
        "9m",
        {"family": "hear"},
    ),
    "MeeshyWorkersDie": Case(
        {'meeshy_pool_recent_actions{action="died"}': "4x5 5x10", 'meeshy_pool_recent_actions{action="start"}': "9x15"},
        "5m",
        "8m",
        {"action": "died"},
    ),
    "MeeshyHousekeepingStands": Case(
        # A minute of it goes by with each minute, up to the fifth.
        {
            'meeshy_housekeeping_last_run_timestamp_seconds{duty="results"}': "0+60x5 300x30",
            'meeshy_housekeeping_last_run_timestamp_seconds{duty="answers"}': "0x35",
        },
        "15m",
        "18m",
        {},
    ),
    "MeeshyHousekeepingFails": Case(
        {
            'meeshy_housekeeping_failures_total{duty="results"}': "0x30 1+1x30",
            'meeshy_housekeeping_failures_total{duty="answers"}': "0x30 1x30",
        },
        "30m",
        "40m",
        {"duty": "results"},
    ),
    "MeeshyDiskLow": Case(
        {
            f"meeshy_disk_free_bytes{{{OF_API}}}": f"{3 * GIB}x5 {GIB + 1}x10",
            f"meeshy_disk_reserve_bytes{{{OF_API}}}": f"{GIB}x20",
        },
        "9m",
        "12m",
        API,
    ),
    "MeeshyDiskFills": Case(
        {
            f"meeshy_disk_free_bytes{{{OF_API}}}": f"{40 * GIB}x360 {40 * GIB}-{GIB // 30}x600",
            f"meeshy_disk_reserve_bytes{{{OF_API}}}": f"{GIB}x1000",
        },
        "6h",
        "12h",
        API,
    ),
    "MeeshyUrgentWorkOverdue": Case(
        {
            'meeshy_queue_overdue_items{family="hear",priority="0"}': "0x5 1x10",
            'meeshy_queue_overdue_items{family="hear",priority="2"}': "0x5 1x10",
            'meeshy_queue_overdue_items{family="finish",priority="0"}': "1x15",
            'meeshy_lane_paused{family="finish",priority="0"}': "1x15",
            'meeshy_lane_paused{family="hear",priority="0"}': "0x15",
        },
        "7m",
        "9m",
        {"family": "hear", "priority": "0"},
    ),
    "MeeshyWorkOverdue": Case(
        {
            'meeshy_queue_overdue_items{family="hear",priority="2"}': "0x5 1x30",
            'meeshy_queue_overdue_items{family="hear",priority="1"}': "1x35",
            'meeshy_lane_paused{family="hear",priority="1"}': "1x35",
        },
        "18m",
        "22m",
        {"family": "hear", "priority": "2"},
    ),
    "MeeshyQueueStands": Case(
        {
            'meeshy_queue_oldest_wait_seconds{family="hear",priority="1"}': "0+60x20",
            'meeshy_queue_items{family="hear",priority="1",state="running"}': "0x20",
            'meeshy_queue_oldest_wait_seconds{family="finish",priority="1"}': "0+60x20",
            'meeshy_queue_items{family="finish",priority="1",state="running"}': "1x20",
            'meeshy_queue_oldest_wait_seconds{family="enrol",priority="2"}': "0+60x20",
            'meeshy_queue_items{family="enrol",priority="2",state="running"}': "0x20",
            'meeshy_lane_paused{family="enrol",priority="2"}': "1x20",
        },
        "5m",
        "7m",
        {"family": "hear", "priority": "1"},
    ),
    "MeeshyLanePaused": Case(
        {
            'meeshy_lane_paused{family="hear",priority="2"}': "0x5 1x90",
            'meeshy_lane_paused{family="hear",priority="1"}': "0x95",
        },
        "60m",
        "70m",
        {"family": "hear", "priority": "2"},
    ),
    "MeeshyDeadlinesMissed": Case(
        {
            'meeshy_jobs_sla_total{priority="0",outcome="met"}': "0+9x60",
            'meeshy_jobs_sla_total{priority="0",outcome="late"}': "0x20 1+1x40",
            'meeshy_jobs_sla_total{priority="1",outcome="met"}': "0+99x60",
            'meeshy_jobs_sla_total{priority="1",outcome="late"}': "0+1x60",
            # Few jobs say little.
            'meeshy_jobs_sla_total{priority="2",outcome="late"}': "0+1x10 10x50",
        },
        "20m",
        "50m",
        {"priority": "0"},
    ),
    "MeeshyJobsFail": Case(
        {
            'meeshy_jobs_sla_total{priority="0",outcome="met"}': "0+9x60",
            'meeshy_jobs_sla_total{priority="0",outcome="late"}': "0+9x60",
            'meeshy_jobs_sla_total{priority="0",outcome="failed"}': "0x20 3+3x40",
        },
        "20m",
        "40m",
        {},
    ),
    "MeeshyUrgentWorkRefused": Case(
        {'meeshy_admission_open{priority="0"}': "1x5 0x10", 'meeshy_admission_open{priority="2"}': "0x15"},
        "9m",
        "12m",
        {},
    ),
    "MeeshySpeechNeedsReview": Case(
        {
            'meeshy_receipts_total{verdict="accepted"}': "0+7x120",
            'meeshy_receipts_total{verdict="needs_review"}': "0x60 3+3x60",
        },
        "60m",
        "120m",
        {},
    ),
    "MeeshyLeasesLost": Case(
        {
            'meeshy_leases{family="hear",priority="0",state="lost"}': "0x5 1x10",
            'meeshy_leases{family="hear",priority="0",state="held"}': "4x15",
        },
        "7m",
        "9m",
        {"family": "hear", "priority": "0"},
    ),
    "MeeshyWorkersStall": Case({"meeshy_stale_fences_total": "0x20 2+2x20"}, "20m", "35m", {}),
    "MeeshyModelsThrash": Case(
        {'meeshy_model_evictions_total{kind="pack"}': "0x30 1+1x30"},
        "32m",
        "50m",
        {"kind": "pack"},
    ),
    "MeeshyWebhooksStand": Case({"meeshy_outbox_oldest_due_seconds": "0+60x20"}, "8m", "12m", {}),
    "MeeshyDestinationInTrouble": Case(
        {
            'meeshy_webhook_destinations{state="failing"}': "0x5 1x30",
            'meeshy_webhook_destinations{state="disabled"}': "0x35",
        },
        "18m",
        "22m",
        {"state": "failing"},
    ),
    "MeeshyGpuLost": Case(
        {f"meeshy_gpu_up{{{GPU}}}": "1x5 0x10", 'meeshy_gpu_up{node="a",gpu="2",mig=""}': "1x15"},
        "5m",
        "8m",
        {"node": "a", "gpu": "3", "mig": ""},
    ),
    "MeeshyGpuMissing": Case(
        {
            f"meeshy_gpu_up{{{GPU}}}": "1x30 stale",
            'meeshy_gpu_up{node="a",gpu="2",mig=""}': "1x60",
            'meeshy_gpu_up{node="b",gpu="0",mig=""}': "1x60",
        },
        "30m",
        "50m",
        {"node": "a"},
    ),
    "MeeshyGpuDriverGone": Case(
        {'meeshy_gpu_driver_up{node="a"}': "1x5 0x10", 'meeshy_gpu_driver_up{node="without"}': "0x15"},
        "6m",
        "9m",
        {"node": "a"},
    ),
    "MeeshyGpuReadingOld": Case(
        {'meeshy_gpu_reading_age_seconds{node="a"}': "5x5 30+60x10"}, "7m", "10m", {"node": "a"}
    ),
    "MeeshyGpuMemoryErrors": Case(
        {
            f'meeshy_gpu_ecc_errors{{{GPU},kind="uncorrected"}}': "0x5 1x5",
            f'meeshy_gpu_ecc_errors{{{GPU},kind="corrected"}}': "9x9",
        },
        "5m",
        "6m",
        {"node": "a", "gpu": "3"},
    ),
    "MeeshyGpuHot": Case(
        {f"meeshy_gpu_temperature_celsius{{{GPU}}}": "85x5 86x20"}, "14m", "17m", {"node": "a", "gpu": "3"}
    ),
    "MeeshyGpuMemoryFull": Case(
        {f"meeshy_gpu_memory_used_bytes{{{GPU}}}": "38x5 39x20", f"meeshy_gpu_memory_total_bytes{{{GPU}}}": "40x25"},
        "14m",
        "17m",
        {"node": "a", "gpu": "3", "mig": ""},
    ),
}


@pytest.fixture(scope="module")
def promtool() -> str:
    found = shutil.which("promtool")
    needed(found, "promtool", "Debian: prometheus")
    return found


@pytest.fixture(scope="module")
def alerts() -> dict[str, dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def run(promtool: str, *arguments: str) -> None:
    said = subprocess.run([promtool, *arguments], capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout + said.stderr


def test_the_rules_are_valid(promtool):
    run(promtool, "check", "rules", "--lint=all", "--lint-fatal", str(RULES))


def test_every_alert_has_a_case(alerts):
    assert sorted(CASES) == sorted(alerts)


@pytest.mark.parametrize("name", CASES)
def test_an_alert_fires_when_it_should_and_not_before(promtool, alerts, tmp_path, name):
    case, rule = CASES[name], alerts[name]
    # Empty labels are no labels.
    labels = {key: value for key, value in case.labels.items() if value} | rule["labels"]
    fires = {"exp_labels": labels, "exp_annotations": rule["annotations"]}
    tests = {
        "rule_files": [str(RULES)],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": series, "values": values} for series, values in case.series.items()],
                "alert_rule_test": [
                    {"eval_time": case.quiet, "alertname": name, "exp_alerts": []},
                    {"eval_time": case.fires, "alertname": name, "exp_alerts": [fires]},
                ],
            }
        ],
    }
    file = tmp_path / "tests.json"
    file.write_text(json.dumps(tests))
    run(promtool, "test", "rules", str(file))


def test_every_alert_is_explained_and_nothing_else_is(alerts):
    section = DOCUMENT.read_text().split("\n## Alerts\n")[1].split("\n## ")[0]
    told = dict(re.findall(r"^\| `(Meeshy\w+)` \| (critical|warning) \|", section, re.MULTILINE))
    assert told == {name: rule["labels"]["severity"] for name, rule in alerts.items()}


def test_rules_ask_for_metrics_that_exist_with_labels_that_they_have(alerts):
    documented = dict(re.findall(r"^\| `(meeshy_\w+)` \| (.*?) ?\| ", DOCUMENT.read_text(), re.MULTILINE))
    for name, rule in alerts.items():
        asked = re.findall(r"\b(meeshy_\w+)(?:\{(.*?)\})?", rule["expr"])
        assert asked or name == "MeeshyApiDown"
        for metric, matchers in asked:
            assert metric in documented, f"{name}: {metric}"
            labels = set(re.findall(r"(\w+)[=!]", matchers))
            assert labels <= set(documented[metric].split(", ")), f"{name}: {metric} has no {labels}"
