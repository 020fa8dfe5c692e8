"""A panel draws its lines beside its own scroll bar."""

import asyncio

from textual.app import App

from tui.widgets.panel import Panel

HEIGHT, WIDTH = 6, 30


class Alone(App):
    """One panel, with a border of a line all around."""

    CSS = f"Panel {{ width: {WIDTH}; height: {HEIGHT}; border: solid green; }}"

    def compose(self):
        yield Panel("Alone", "alone")


def test_lines_that_scroll_leave_room_for_the_bar_from_the_first_on():
    drawn = []

    def draw(count):
        def lines(width):
            drawn.append((count, width))
            return [[("x" * width, "plain")] for _ in range(count)]

        return lines

    async def scenario():
        app = Alone()
        async with app.run_test(size=(WIDTH + 10, HEIGHT + 4)) as pilot:
            panel = app.query_one(Panel)
            for count in (1, HEIGHT - 2, HEIGHT - 1, 50, 1):
                panel.show(draw(count))
                # What stands before it is laid out is what somebody sees who has the screen frozen.
                shown = drawn[-1][1]
                await pilot.pause()
                assert panel.show_vertical_scrollbar == (count > HEIGHT - 2)
                assert shown == panel.scrollable_content_region.width, count

    asyncio.run(scenario())
