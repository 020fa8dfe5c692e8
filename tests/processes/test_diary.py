"""A diary that several processes write at once."""

import subprocess
import sys

from appliance.testing.diary import Diary


def test_two_processes_write_whole_entries(tmp_path):
    write = f"""
from pathlib import Path
from appliance.testing.diary import Diary
for number in range(200):
    Diary(Path({str(tmp_path / "diary")!r})).note("hear", number)
"""
    writers = [subprocess.Popen([sys.executable, "-c", write]) for _ in range(2)]
    assert [writer.wait() for writer in writers] == [0, 0]

    counts = [entry.count for entry in Diary(tmp_path / "diary").entries()]
    assert sorted(counts) == sorted([*range(200), *range(200)])
