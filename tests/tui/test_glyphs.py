"""Every state has a sign and a word; the ASCII set is ASCII, and both sets are one column wide."""

from dataclasses import fields

import pytest
from rich.cells import cell_len

from tui.glyphs import ASCII, UNICODE, glyphs_for
from tui.tables import jobs, workers


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
def test_every_sign_is_one_column_wide(glyphs):
    for field in fields(glyphs):
        for sign in getattr(glyphs, field.name):
            assert cell_len(sign) == 1, field.name


def test_the_ascii_set_is_ascii():
    assert all(getattr(ASCII, field.name).isascii() for field in fields(ASCII))


@pytest.mark.parametrize("looks", [jobs.LOOKS, workers.LOOKS], ids=["jobs", "workers"])
def test_states_differ_without_colour(looks):
    words = [look.word for look in looks.values()]

    assert len(set(words)) == len(words)


@pytest.mark.parametrize(
    ("ascii_only", "encoding", "expected"),
    [
        (False, "utf-8", UNICODE),
        (False, "UTF8", UNICODE),
        (False, "ANSI_X3.4-1968", ASCII),
        (False, "iso8859-1", ASCII),
        (False, None, ASCII),
        (True, "utf-8", ASCII),
    ],
)
def test_ascii_where_it_is_asked_for_or_where_the_terminal_has_nothing_else(ascii_only, encoding, expected):
    assert glyphs_for(ascii_only, encoding) is expected
