"""The Grafana dashboard: its shape, its layout, and that every query is valid and names metrics and labels that exist.

No Grafana is started: Debian has none. What is held here is the part of its dashboard model that the file uses.
"""

import itertools
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest

from tests.services import needed

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "appliance/telemetry/grafana/dashboard.json"
DOCUMENT = ROOT / "docs/metrics.md"
COLUMNS = 24
SERIES_OF_HISTOGRAM = r"_(bucket|sum|count)$"
KEYWORDS = {"le", "alertname", "alertstate"}


class Place(msgspec.Struct, forbid_unknown_fields=True):
    h: int
    w: int
    x: int
    y: int


class Source(msgspec.Struct, forbid_unknown_fields=True):
    type: Literal["prometheus"]
    uid: Literal["${datasource}"]


class Target(msgspec.Struct, forbid_unknown_fields=True):
    refId: str
    datasource: Source
    editorMode: Literal["code"]
    expr: str
    legendFormat: str
    range: bool
    instant: bool


class Panel(msgspec.Struct, forbid_unknown_fields=True):
    id: int
    type: Literal["row", "timeseries", "stat"]
    title: str
    gridPos: Place
    description: str = ""
    datasource: Source | None = None
    fieldConfig: dict[str, Any] = {}
    options: dict[str, Any] = {}
    targets: list[Target] = []
    collapsed: bool = False
    panels: list[Any] = []


class Dashboard(msgspec.Struct, forbid_unknown_fields=True):
    uid: str
    title: str
    description: str
    tags: list[str]
    schemaVersion: int
    version: int
    editable: bool
    graphTooltip: Literal[0, 1, 2]
    refresh: str
    time: dict[str, str]
    timezone: str
    templating: dict[str, list[dict[str, Any]]]
    annotations: dict[str, list[dict[str, Any]]]
    links: list[Any]
    panels: list[Panel]


@pytest.fixture(scope="module")
def dashboard() -> Dashboard:
    return msgspec.json.decode(FILE.read_bytes(), type=Dashboard)


@pytest.fixture(scope="module")
def queries(dashboard) -> list[tuple[str, Target]]:
    return [(panel.title, target) for panel in dashboard.panels for target in panel.targets]


@pytest.fixture(scope="module")
def labels() -> dict[str, set[str]]:
    """Every documented metric with its labels: a test compares that with the code."""
    rows = re.findall(r"^\| `(meeshy_\w+)` \| (.*?) ?\| ", DOCUMENT.read_text(), re.MULTILINE)
    return {name: set(filter(None, told.split(", "))) for name, told in rows}


def test_it_has_the_shape_of_a_dashboard(dashboard):
    assert dashboard.schemaVersion >= 36
    assert [variable["type"] for variable in dashboard.templating["list"]] == ["datasource"]
    ids = [panel.id for panel in dashboard.panels]
    assert len(ids) == len(set(ids)) > 30
    for panel in dashboard.panels:
        if panel.type == "row":
            assert not panel.targets
            continue
        assert panel.datasource, panel.title
        assert panel.description.endswith("."), panel.title
        assert panel.fieldConfig["defaults"]["unit"], panel.title
        references = [target.refId for target in panel.targets]
        assert references == sorted(set(references)) != [], panel.title
        assert all(target.legendFormat and target.range != target.instant for target in panel.targets), panel.title


def test_no_panel_lies_on_another(dashboard):
    for panel in dashboard.panels:
        assert 0 <= panel.gridPos.x <= panel.gridPos.x + panel.gridPos.w <= COLUMNS, panel.title
    for one, other in itertools.combinations(dashboard.panels, 2):
        a, b = one.gridPos, other.gridPos
        apart = a.x + a.w <= b.x or b.x + b.w <= a.x or a.y + a.h <= b.y or b.y + b.h <= a.y
        assert apart, f"{one.title} lies on {other.title}"


def test_every_query_is_valid_promql(queries, tmp_path):
    promtool = shutil.which("promtool")
    needed(promtool, "promtool", "Debian: prometheus")
    rules = [
        {"record": f"query:{number}", "expr": target.expr.replace("$__rate_interval", "5m")}
        for number, (_, target) in enumerate(queries)
    ]
    file = tmp_path / "queries.json"
    file.write_text(json.dumps({"groups": [{"name": "queries", "rules": rules}]}))
    said = subprocess.run([promtool, "check", "rules", "--lint=none", str(file)], capture_output=True, text=True)
    assert said.returncode == 0, said.stdout + said.stderr


def test_every_query_names_metrics_and_labels_that_exist(queries, labels):
    for title, target in queries:
        metrics = [_documented(name, labels) for name in re.findall(r"\bmeeshy_\w+", target.expr)]
        assert metrics or "ALERTS" in target.expr, title
        assert not [name for name in metrics if name not in labels], title
        known = set().union(KEYWORDS, *(labels[name] for name in metrics))
        asked = re.findall(r"(\w+)\s*(?:=~|!=|=)\s*\"", target.expr)
        asked += [each.strip() for group in re.findall(r"\bby \((.*?)\)", target.expr) for each in group.split(",")]
        shown = re.findall(r"\{\{(\w+)\}\}", target.legendFormat)
        assert set(asked) | set(shown) <= known, f"{title}: {set(asked) | set(shown)} of {known}"
        # What a legend shows, an aggregation must have kept.
        kept = {each.strip() for group in re.findall(r"\bby \((.*?)\)", target.expr) for each in group.split(",")}
        assert set(shown) <= kept, title


def test_most_metrics_are_shown(queries, labels):
    shown = {_documented(name, labels) for _, target in queries for name in re.findall(r"\bmeeshy_\w+", target.expr)}
    assert len(shown) > len(labels) * 0.6


def _documented(name: str, labels: dict[str, set[str]]) -> str:
    return name if name in labels else re.sub(SERIES_OF_HISTOGRAM, "", name)
