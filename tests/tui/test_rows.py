"""Rows go by their keys: order, filter and cursor never take one row for another."""

import gc

from hypothesis import given
from hypothesis import strategies as st

from tui.widgets.rows import Cell, Row, cursor_after, held, matches, ordered


def row(key: str, value: float | None = None, text: str = "") -> Row:
    return Row(key, (Cell(key, key), Cell(text, value)))


def keys(rows: list[Row]) -> list[str]:
    return [each.key for each in rows]


def test_unknown_values_come_last_in_either_order():
    rows = [row("a", None), row("b", 2), row("c", 1)]

    assert keys(ordered(rows, 1, descending=False)) == ["c", "b", "a"]
    assert keys(ordered(rows, 1, descending=True)) == ["b", "c", "a"]
    assert keys(ordered(rows, None, descending=True)) == ["a", "b", "c"]


def test_rows_are_sorted_by_value_and_not_by_text():
    rows = [row("a", 10.0, "10s"), row("b", 9.0, "9.0s")]

    assert keys(ordered(rows, 1, descending=False)) == ["b", "a"]


def test_a_held_order_keeps_what_is_there_and_appends_what_is_new():
    assert keys(held([row("n"), row("a"), row("c")], ["c", "b", "a"])) == ["c", "a", "n"]


def test_a_pattern_is_found_in_any_cell_without_regard_to_case_and_can_be_inverted():
    late = row("hear.p0", 1, "▲ Late")

    assert matches(late, "late")
    assert matches(late, "P0")
    assert not matches(late, "!late")
    assert matches(late, "!idle")
    assert matches(late, "")
    assert matches(late, "!")


def test_the_cursor_stays_on_its_key():
    assert cursor_after(["a", "b", "c"], "b", ["c", "x", "b"]) == "b"


def test_the_cursor_of_a_row_that_went_moves_to_the_next_one_that_is_left():
    assert cursor_after(["a", "b", "c", "d"], "b", ["a", "d"]) == "d"
    assert cursor_after(["a", "b", "c"], "c", ["a"]) == "a"
    assert cursor_after(["a"], "a", []) is None
    assert cursor_after([], None, ["a", "b"]) == "a"


@given(
    st.lists(st.sampled_from("abcdefgh"), unique=True), st.lists(st.sampled_from("abcdefgh"), unique=True), st.data()
)
def test_the_cursor_is_always_on_a_row_that_is_there(before, after, data):
    cursor = data.draw(st.sampled_from(before)) if before else None
    found = cursor_after(before, cursor, after)

    assert (found in after) if after else found is None
    if cursor in after:
        assert found == cursor


def test_rows_are_not_looked_through_for_garbage():
    row = Row("job-1", (Cell("hear.p0", 3), Cell("12s", 12.0, "dim")))
    assert not gc.is_tracked(row)
    assert not any(map(gc.is_tracked, row.cells))
