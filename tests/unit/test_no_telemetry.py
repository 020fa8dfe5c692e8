"""The library that runs Kokoro reports nothing to its maker."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOAD = "import onnxruntime, time; onnxruntime.get_available_providers(); time.sleep(0.5)"
WITHOUT_NETWORK = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--net"]


def traces(home: Path, code: str) -> set[str]:
    """Return the files that a process leaves in its home: onnxruntime keeps a name for the machine, and its reports."""
    environment = {"HOME": str(home), "PATH": os.defpath, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [*WITHOUT_NETWORK, sys.executable, "-c", code]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, timeout=60)
    return {path.name for path in home.rglob("*") if path.is_file()}


def test_beside_the_appliance_onnxruntime_prepares_no_report(tmp_path):
    assert traces(tmp_path, f"import appliance; {LOAD}") == set()


def test_alone_it_does_so_the_test_above_can_fail(tmp_path):
    assert "deviceid" in traces(tmp_path, LOAD)
