"""What the console loads: no model, no database, no queue; HTTP in two files; the terminal only to draw on one."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NEVER = {"torch", "numpy", "sqlalchemy", "dramatiq", "litestar", "pynvml", "ctranslate2", "pydantic", "redis"}

WIRE = {f"appliance.admin.{name}" for name in ("schema", "action_types", "live_types", "page_types", "quality_types")}


def imported_by(path: Path) -> Iterator[str]:
    """Yield every module that a file imports, within functions and for type checkers too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, path
            # `from appliance.admin import schema` names a module too.
            yield from (f"{node.module}.{name.name}" for name in node.names)


def modules_under(folder: Path) -> set[str]:
    """Return the names of the modules and packages in a folder, with the folder's."""
    inside = (path for path in folder.iterdir() if path.is_dir() or path.suffix == ".py")
    names = (path.stem for path in inside if path.stem not in ("__init__", "__pycache__"))
    return {f"{folder.relative_to(ROOT).as_posix().replace('/', '.')}.{name}" for name in names}


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
    assert {name for name in modules if name.startswith("appliance.")} == {"appliance.admin", *WIRE}


def test_no_file_of_the_console_imports_anything_else_of_the_appliance_wherever_it_stands():
    named = {name for path in (ROOT / "tui").rglob("*.py") for name in imported_by(path)}
    ours = {name for name in named if name.split(".")[0] == "appliance"}

    assert ours
    assert all(name.startswith("appliance.admin.schema") for name in ours), ours


def test_the_wire_types_import_nothing_of_the_appliance_but_each_other():
    for module in WIRE:
        for name in imported_by(ROOT / f"{module.replace('.', '/')}.py"):
            assert name.split(".")[0] != "appliance" or name.rpartition(".")[0] in WIRE, (module, name)


def test_the_contract_on_the_console_forbids_all_of_the_appliance_but_the_wire_types():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (ours,) = [each for each in contracts if each["type"] == "forbidden" and each["source_modules"] == ["tui"]]
    every = modules_under(ROOT / "appliance") | modules_under(ROOT / "appliance/admin")

    assert set(ours["forbidden_modules"]) == every - {"appliance.admin", *WIRE} | {"installer", "models"}


def test_a_report_needs_no_terminal_library():
    assert "textual" not in {name.split(".")[0] for name in loaded_by("import tui.cli, tui.report, tui.http_source")}


def test_one_file_speaks_http_and_one_says_what_its_refusals_mean():
    knowing = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "tui").rglob("*.py")
        if re.search(r"^\s*(import|from) (httpx|requests|urllib\.request|http\.client|aiohttp)", path.read_text(), re.M)
    }

    assert knowing == {"tui/http_source.py"}
    naming = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "tui").rglob("*.py")
        if re.search(r"status_code|Retry-After|retry_after:|case 40\d", path.read_text())
    }
    assert naming == {"tui/http_source.py", "tui/answers.py"}


def test_nothing_sleeps_or_looks_at_a_clock_past_the_one_that_is_given():
    for path in (ROOT / "tui").rglob("*.py"):
        if path.name != "clock.py":
            found = re.findall(r"time\.(?:time|monotonic|sleep)\(|asyncio\.sleep\(|datetime\.now", path.read_text())
            assert not found, path
