"""The table on a terminal: the cursor stays on its row through sorting, coming and going; keys move, open, filter."""

import asyncio

from textual.app import App, ComposeResult

from tests.tui.picture_text import lines_of
from tui.glyphs import ASCII
from tui.widgets.row_table import RowTable
from tui.widgets.rows import Cell, Column, Row

COLUMNS = (Column("NAME", 8), Column("AGE", 5, right=True, descending=True), Column("MORE", 30, spare=1))


def row(number: int, age: float | None = None) -> Row:
    age = float(number) if age is None else age
    return Row(f"row{number}", (Cell(f"row{number}", number), Cell(f"{age:.0f}", age), Cell("x")))


class Bench(App[None]):
    """One table and what it told."""

    CSS = "RowTable { height: 1fr; }"

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[str] = []
        self.table = RowTable(COLUMNS, ASCII, sort=1)

    def compose(self) -> ComposeResult:
        yield self.table

    def on_row_table_opened(self, event: RowTable.Opened) -> None:
        self.opened.append(event.key)


def drive(scenario, size: tuple[int, int] = (40, 8)) -> None:
    async def run() -> None:
        app = Bench()
        async with app.run_test(size=size) as pilot:
            app.table.focus()
            await pilot.pause()
            await scenario(app, app.table, pilot)

    asyncio.run(run())


def test_the_cursor_stays_on_its_row_when_the_order_changes_and_rows_above_go():
    async def scenario(app, table, pilot):
        table.show([row(number) for number in range(5)])
        await pilot.press("down", "down")
        assert table.cursor == "row2"
        table.show([row(4), row(2, age=99), row(9, age=50)])
        assert table.keys == ["row2", "row9", "row4"]
        assert table.cursor == "row2"
        await pilot.press("s", "enter")
        assert app.opened == ["row2"]

    drive(scenario)


def test_a_held_order_does_not_move_rows_under_the_hand():
    async def scenario(app, table, pilot):
        table.show([row(3), row(2), row(1)])
        table.show([row(1, age=99), row(2), row(3), row(4, age=98)], hold=True)
        assert table.keys == ["row3", "row2", "row1", "row4"]
        table.show([row(1, age=99), row(2), row(3), row(4, age=98)])
        assert table.keys == ["row1", "row4", "row3", "row2"]

    drive(scenario)


def test_the_cursor_is_kept_in_sight_and_the_heading_stays():
    async def scenario(app, table, pilot):
        table.show([row(number) for number in range(50)])
        for key, expected in [("G", "row0"), ("g", "row49"), ("end", "row0"), ("home", "row49"), ("pagedown", "row43")]:
            await pilot.press(key)
            await pilot.pause()
            assert table.cursor == expected
            lines = lines_of(app)
            assert lines[0].startswith(" NAME")
            assert any(line.startswith(f">{expected} ") for line in lines), key

    drive(scenario)


def test_a_cursor_that_was_moved_by_vanishing_rows_is_scrolled_to():
    async def scenario(app, table, pilot):
        table.show([row(number) for number in range(50)])
        await pilot.press("G")
        table.show([row(number) for number in range(30, 50)])
        await pilot.pause()
        assert table.cursor == "row30"
        assert any(line.startswith(">row30 ") for line in lines_of(app))

    drive(scenario)


def test_a_filter_narrows_and_says_when_nothing_is_left():
    async def scenario(app, table, pilot):
        table.show([row(number) for number in range(12)])
        table.narrow("row1")
        assert table.keys == ["row11", "row10", "row1"]
        assert table.cursor == "row11"
        table.narrow("none")
        await pilot.pause()
        assert table.cursor is None
        assert "Nothing matches none" in "\n".join(lines_of(app))
        await pilot.press("enter", "down")
        assert app.opened == []
        table.narrow("")
        assert len(table.keys) == 12

    drive(scenario)


def test_columns_that_have_no_room_go_and_come_back():
    async def scenario(app, table, pilot):
        table.show([row(1)])
        await pilot.pause()
        assert "MORE" not in lines_of(app)[0]
        await pilot.resize_terminal(60, 8)
        await pilot.pause()
        assert "MORE" in lines_of(app)[0]

    drive(scenario)


def test_sorting_goes_from_one_column_that_is_shown_to_the_next():
    async def scenario(app, table, pilot):
        table.show([row(1)])
        await pilot.pause()
        seen = []
        for _ in range(3):
            table.sort_next()
            seen.append(table.sorted_by)
        assert seen == ["name", "age", "name"]
        await pilot.resize_terminal(60, 8)
        await pilot.pause()
        table.sort_next()
        table.sort_next()
        assert table.sorted_by == "more"

    drive(scenario)


def test_a_click_moves_the_cursor_and_a_second_one_opens():
    async def scenario(app, table, pilot):
        table.show([row(number) for number in range(4)])
        await pilot.click(RowTable, offset=(3, 3))
        assert table.cursor == "row1"
        await pilot.click(RowTable, offset=(3, 3))
        assert app.opened == ["row1"]
        await pilot.click(RowTable, offset=(3, 0))
        await pilot.click(RowTable, offset=(3, 7))
        assert table.cursor == "row1"

    drive(scenario)


def test_wide_characters_do_not_push_what_stands_after_them():
    async def scenario(app, table, pilot):
        table.show([Row("a", (Cell("日本語", 1), Cell("7", 7.0), Cell("x")))])
        await pilot.pause()
        assert lines_of(app)[1].startswith(">日本語        7")

    drive(scenario)
