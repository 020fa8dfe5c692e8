"""A diary that several processes write and one reads while they do."""

import os

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
