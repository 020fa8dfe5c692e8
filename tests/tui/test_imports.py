"""What the console loads: no model, no database, no queue; HTTP in one file; the terminal only to draw on one."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NEVER = {"torch", "numpy", "sqlalchemy", "dramatiq", "litestar", "pynvml", "ctranslate2", "pydantic", "redis"}


def loaded_by(code: str) -> set[str]:
    text = f"import sys; {code}; print(*sys.modules)"
    return set(
        subprocess.run(
            [sys.executable, "-c", text], check=True, capture_output=True, text=True, cwd=ROOT
        ).stdout.split()
    )


def test_the_console_loads_nothing_of_the_appliance_but_the_wire_types():
    modules = loaded_by("import tui.cli, tui.app, tui.http_source")

    assert {name.split(".")[0] for name in modules} & NEVER == set()
    ours = {name for name in modules if name.startswith("appliance.")}
    assert ours and all(name.startswith("appliance.admin") for name in ours), ours


def test_a_report_needs_no_terminal_library():
    assert "textual" not in {name.split(".")[0] for name in loaded_by("import tui.cli, tui.report, tui.http_source")}


def test_one_file_knows_http():
    knowing = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "tui").rglob("*.py")
        if re.search(r"^\s*(import|from) (httpx|requests|urllib\.request|http\.client|aiohttp)", path.read_text(), re.M)
    }

    assert knowing == {"tui/http_source.py"}


def test_nothing_sleeps_or_looks_at_a_clock_past_the_one_that_is_given():
    for path in (ROOT / "tui").rglob("*.py"):
        if path.name != "clock.py":
            found = re.findall(r"time\.(?:time|monotonic|sleep)\(|asyncio\.sleep\(|datetime\.now", path.read_text())
            assert not found, path
