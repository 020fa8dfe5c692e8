"""Versions sort as releases follow each other."""

import itertools

import pytest

from installer.bundle.installed import read_installed
from installer.bundle.refusal import FormatUnknown, StateUnreadable
from installer.bundle.versions import Release, version_key

IN_ORDER = ["0.1.0.dev1", "0.1.0.dev2", "0.1a1", "0.1.0b1", "0.1.0rc1", "0.1.0rc2.dev1", "0.1.0rc2", "0.1.0", "0.1.1",
            "0.2", "0.10.0", "1.0rc1", "1", "1.0.0.1", "2.0"]  # fmt: skip


def test_they_sort():
    for earlier, later in itertools.pairwise(IN_ORDER):
        assert version_key(earlier) < version_key(later), (earlier, later)
    assert version_key("1.0") == version_key("1.0.0")


@pytest.mark.parametrize("text", ["", "1.", "v1", "1.0-1", "1.0+local", "1.0.post1", "1" * 20, "1.0\n", "latest"])
def test_what_is_no_version_is_refused(text):
    with pytest.raises(FormatUnknown):
        version_key(text)


def test_an_absent_note_means_nothing_is_installed_and_a_spoilt_one_does_not(tmp_path):
    note = tmp_path / "state.json"
    assert read_installed(note) is None

    note.write_text('{"version": "0.1.0", "built_s": 5, "commit": "abc"}')
    assert read_installed(note) == Release("0.1.0", 5)
    for text in ("", "{}", "[]", '{"version": "new", "built_s": 5}', '{"version": "1", "built_s": null}', "[" * 5000):
        note.write_text(text)
        with pytest.raises(StateUnreadable):
            read_installed(note)
