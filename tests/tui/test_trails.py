"""What is collected of GPUs while the console runs: gaps where nothing came, nothing new in a frozen picture."""

import asyncio

import msgspec
import pytest

from appliance.admin import schema
from tests.tui import scenes
from tests.tui.picture_text import lines_of, press, running, settled
from tests.tui.scripted_source import ScriptedSource
from tui.glyphs import UNICODE
from tui.source import Outage
from tui.trails import LENGTH, Trails
from tui.view import View


def seen(at_s: float, **utilisation: float | None) -> schema.Snapshot:
    """Return a picture that came so long after the first one, of these GPUs."""
    gpus = tuple(
        msgspec.structs.replace(scenes.gpu(0, 0.0), host=host, uuid=host, utilisation=share)
        for host, share in utilisation.items()
    )
    return msgspec.structs.replace(scenes.calm(), gpus=gpus, server_time_s=scenes.NOW_S + at_s)


def trails(*pictures: schema.Snapshot) -> list[list[float | None]]:
    collected = Trails()
    for each in pictures:
        collected = collected.with_snapshot(each)
    return [list(trail) for trail in collected.gpus.values()]


def test_what_was_not_read_leaves_a_gap_and_a_device_that_is_gone_is_forgotten():
    assert trails(seen(0, a=0.1, b=0.5), seen(2, a=None, b=0.6), seen(4, a=0.3)) == [[0.1, None, 0.3]]


@pytest.mark.parametrize(
    ("after_s", "gap"), [(0.1, 0), (2.0, 0), (2.9, 0), (4.0, 1), (20.0, 9), (86_400.0, LENGTH - 1), (-3_600.0, 0)]
)
def test_pictures_that_did_not_come_leave_a_gap(after_s, gap):
    (trail,) = trails(seen(0, a=0.1), seen(after_s, a=0.2))

    assert trail[-1 - gap :] == [*[None] * gap, 0.2]
    assert trail[: -1 - gap] == ([] if gap == LENGTH - 1 else [0.1])


def test_the_last_minutes_are_kept():
    (trail,) = trails(*(seen(2 * number, a=number / 1000) for number in range(LENGTH + 10)))

    assert (len(trail), trail[0], trail[-1]) == (LENGTH, 0.010, (LENGTH + 9) / 1000)


def test_what_comes_while_the_picture_is_frozen_is_collected_and_drawn_after():
    view = View("https://box.lan").with_snapshot(seen(0, a=0.1), 0.0, scenes.NOW_S)
    frozen = view.toggled().with_snapshot(seen(2, a=0.9), 2.0, scenes.NOW_S + 2)

    assert list(frozen.trails.gpus.values()) == [(0.1,)]
    assert list(frozen.toggled().trails.gpus.values()) == [(0.1, 0.9)]


@pytest.mark.parametrize(("size", "keys"), [((80, 24), ("4",)), ((120, 40), ())], ids=["gpu", "overview"])
def test_a_screen_draws_no_bar_beside_a_frozen_picture_and_a_gap_for_an_outage(size, keys):
    def bars(app) -> str:
        line = next(line for line in lines_of(app) if " util " in line)
        return "".join(sign for sign in line[line.index(" util ") :] if sign in f"{UNICODE.bars} ").strip()

    async def run() -> None:
        source = ScriptedSource(seen(0, a=0.05))
        async with running(source, size) as (app, pilot):
            await press(pilot, *keys, "space")
            source.tell(seen(2, a=0.99))
            await settled(pilot)
            assert bars(app) == "▁"
            await press(pilot, "space")
            assert bars(app) == "▁█"
            source.tell(Outage("offline", "No connection.", 1.0))
            source.tell(seen(10, a=0.5))
            await settled(pilot)
            assert bars(app) == "▁█   ▅"

    asyncio.run(run())
