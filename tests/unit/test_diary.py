"""A diary that several processes write and one reads while they do."""

import os
import subprocess
import sys

from appliance.testing.diary import Diary


def test_entries_come_back_in_order_with_their_writer(tmp_path):
    diary = Diary(tmp_path / "diary")

    diary.note("hear", 8)
    diary.note("end", text="done")

    first, second = diary.entries()
    assert (first.what, first.count, first.pid) == ("hear", 8, os.getpid())
    assert (second.what, second.text) == ("end", "done")
    assert first.at_s <= second.at_s


def test_nothing_was_written_yet(tmp_path):
    assert Diary(tmp_path / "diary").entries() == []


def test_a_half_written_entry_waits_for_its_end(tmp_path):
    path = tmp_path / "diary"
    diary = Diary(path)
    diary.note("hear")
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:10])
    assert len(diary.entries()) == 1

    path.write_bytes(whole + whole)

    assert len(diary.entries()) == 2


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
